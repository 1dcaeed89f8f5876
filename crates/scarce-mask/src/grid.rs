//! What is known of an image, brought to the cells of the patch grid.

mod guide;
mod map;
mod parts;
mod region;
mod tiling;

pub use guide::Guide;
pub use map::{CellMap, Pooling};
pub use parts::{PartGrid, PartRule};
pub use region::{PatchRule, RegionGrid};
pub(crate) use tiling::{Tiling, any};
