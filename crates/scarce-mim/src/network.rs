//! The network of a pre-training, of either family.

use tch::Tensor;
use tch::nn::Path;

use crate::encoder::{Encoder, EncoderConfig};
use crate::loss::patchify;
use crate::sparse::Active;
use crate::{MaeModel, MimError, SparkModel};

/// A network for masked image modelling: SparK's round a convolutional encoder, MAE's round a transformer.
#[derive(Debug)]
pub enum MaskedModel {
    /// Convolutions on visible cells.
    Spark(SparkModel),
    /// Attention among visible patches.
    Mae(MaeModel),
}

impl MaskedModel {
    /// What goes with the encoder that `config` names.
    ///
    /// # Errors
    /// [`MimError::Setting`].
    pub fn new(
        path: &Path<'_>,
        config: &EncoderConfig,
        decoder_width: i64,
    ) -> Result<Self, MimError> {
        Ok(if config.architecture.is_transformer() {
            Self::Mae(MaeModel::new(path, config, decoder_width)?)
        } else {
            Self::Spark(SparkModel::new(path, config, decoder_width)?)
        })
    }

    /// The patches `(batch, cell, value)` of the mask's grid predicted for `pixels` `(batch, channel, side…)`, of which
    /// the encoder sees what `active` shows. For convolutions the grid may be finer than the last map.
    ///
    /// # Errors
    /// [`MimError::Shape`] when the pixels do not fit the network or the mask's grid; [`MimError::Visible`] in
    /// training, when too little is visible for batch statistics.
    pub fn predict(
        &self,
        pixels: &Tensor,
        active: &Active,
        train: bool,
    ) -> Result<Tensor, MimError> {
        match self {
            Self::Spark(model) => {
                let predicted = model.forward(pixels, active, train)?;
                let patch = predicted.size()[2] / active.grid()[0].max(1);
                patchify(&predicted, patch)
            }
            Self::Mae(model) => model.forward(pixels, active, train),
        }
    }

    /// The encoder.
    pub fn encoder(&self) -> &dyn Encoder {
        match self {
            Self::Spark(model) => model.encoder(),
            Self::Mae(model) => model.encoder(),
        }
    }

    /// Pixels a side of a patch.
    pub fn patch(&self) -> i64 {
        match self {
            Self::Spark(model) => model.patch(),
            Self::Mae(model) => model.patch(),
        }
    }
}
