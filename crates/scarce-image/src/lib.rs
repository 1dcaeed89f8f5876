//! Volumes, images and label maps that carry their geometry, and the voxel operations on them.
//!
//! Arrays are C-order `(z, y, x)`; 2-D images are `(channel, y, x)`. The world is RAS in mm, in f64.
//! Nothing here reads files, looks at a clock or keeps a global random state.

mod components;
mod crop;
mod distance;
mod geometry;
mod image2d;
mod intensity;
mod morphology;
mod plane;
mod ranks;
mod reorient;
mod resample;
mod runs;
mod seed;
mod volume;

pub use components::{
    Connectivity, components_at_least, connected_components, fill_holes, largest_component,
};
pub use crop::{
    CropError, Margin, VoxelBox, centre_crop_or_pad, crop, crop_to_mask, pad, pad_to_shape,
};
pub use distance::{distance_transform, distance_transform_f32};
pub use geometry::{Geometry, GeometryError, Grid};
pub use glam;
pub use image2d::Image;
pub use intensity::{CtWindow, IntensityError, clip_percentiles, percentiles, window, z_score};
pub use morphology::{RadiusError, StructuringElement, close, dilate, erode, open};
pub use plane::{PlaneWindow, resize_plane, resize_plane_any, resize_plane_nearest};
pub use reorient::{RasOrder, reorient_to_ras};
pub use resample::{
    Interpolation, LabelInterpolation, resample, resample_labels, resample_linear,
    resample_nearest, resample_spacing,
};
pub use seed::{Seed, StreamKey};
pub use volume::{LabelMap, Mask, ShapeError, Volume};
