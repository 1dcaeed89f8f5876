//! Encoders: what is learned and kept.
//!
//! One interface ([`Encoder`]) for pre-training, where a mask is handed in and only visible cells are seen, and for
//! everything after it, where the same network is dense. [`EncoderConfig`] names an architecture and [`build`] makes it.

mod config;
mod convnext;
mod layers;
mod resnet;
mod vit;
mod vnet;

use tch::Tensor;

use crate::MimError;
use crate::sparse::{Active, Features, Input, Normalisation};

pub(crate) use config::build_vit;
pub use config::{Architecture, EncoderConfig, build};
pub(crate) use vit::Vit;

/// One of an encoder's maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapShape {
    /// Its channels.
    pub channels: i64,
    /// Pixels (voxels) a side of one of its cells.
    pub stride: i64,
}

/// A network that turns an image or a volume into maps.
pub trait Encoder: std::fmt::Debug + Send {
    /// The maps `(batch, channel, side…)` of `input`, `(batch, channel, y, x)` or `(batch, channel, z, y, x)`, finest
    /// first. With `active`, hidden cells influence none of them and are 0 in each; without, everything is
    /// visible and the network is dense. `train` takes batch statistics and drops paths.
    ///
    /// # Errors
    /// [`MimError::Shape`] when the input does not fit the network or the mask's grid; [`MimError::Visible`] in
    /// training, when too little is visible for batch statistics.
    fn forward(
        &self,
        input: &Tensor,
        active: Option<&Active>,
        train: bool,
    ) -> Result<Vec<Tensor>, MimError> {
        let maps = self.features(&Input::Pixels(input, active), train)?;
        maps.iter().map(Features::map).collect()
    }

    /// The same of whatever input: a graph that is being written gets the network's nodes.
    ///
    /// # Errors
    /// As [`Self::forward`]; [`MimError::NotInGraph`] for a network that no graph is written of.
    fn features<'a>(
        &self,
        input: &Input<'_, 'a>,
        train: bool,
    ) -> Result<Vec<Features<'a>>, MimError>;

    /// What [`Self::forward`] gives, finest first.
    fn maps(&self) -> &[MapShape];

    /// How its activations are normalised; what takes up its maps normalises them likewise.
    fn normalisation(&self) -> Normalisation;

    /// Layers for layer-wise decay of the learning rate, which is multiplied by decay^(`layers` - `layer_of`): the
    /// first parameters are of layer 0, and a head is of layer `layers`.
    fn layers(&self) -> usize;

    /// The layer of a parameter, by its name within the encoder.
    fn layer_of(&self, parameter: &str) -> usize;
}
