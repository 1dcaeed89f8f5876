//! Layers that see visible cells only.
//!
//! SparK multiplies every map with the mask and gathers visible cells for each norm. Here a map is the list of
//! its visible cells, `(cell, channel)`, from layer to layer ([`Features`]): norms, rectifiers, sums and 1×1
//! convolutions are then libtorch's own dense kernels on fewer rows, and only what mixes neighbours
//! (wider convolutions, pooling) spreads the list over a map of zeros and picks the visible cells of its output.
//! The equations are the same. Which cells those are is worked out once a step for each resolution
//! ([`Active`]), and handed on as an argument; there is no global state.

mod active;
mod batch_norm;
mod cellwise;
mod convolution;
mod drop_path;
mod features;
mod group_norm;
mod input;
mod layer_norm;
mod norm;
mod padding;
mod pooling;
mod squeeze_excite;
#[cfg(test)]
mod tests;
mod traced;

pub use active::Active;
pub(crate) use active::Level;
pub use batch_norm::BatchNorm;
pub use convolution::{Convolution, Geometry};
pub use drop_path::drop_path;
pub use features::Features;
pub use group_norm::GroupNorm;
pub use input::Input;
pub use layer_norm::LayerNorm;
pub use norm::{Norm, Normalisation};
pub(crate) use padding::Padding;
pub use pooling::{average_pool, max_pool};
pub use squeeze_excite::SqueezeExcite;
pub use traced::Traced;
