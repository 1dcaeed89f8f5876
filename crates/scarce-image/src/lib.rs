//! Volumes, images and label maps that carry their geometry, and the voxel operations on them.
//!
//! Arrays are C-order `(z, y, x)`; 2-D images are `(channel, y, x)`. The world is RAS in mm, in f64.
//! Nothing here reads files, looks at a clock or keeps a global random state.

mod geometry;
mod image2d;
mod seed;
mod volume;

pub use geometry::{Geometry, GeometryError, Grid};
pub use glam;
pub use image2d::Image;
pub use seed::{Seed, StreamKey};
pub use volume::{LabelMap, Mask, ShapeError, Volume};
