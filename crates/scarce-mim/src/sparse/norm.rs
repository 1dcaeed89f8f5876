//! A norm by its kind.

use serde::{Deserialize, Serialize};
use tch::nn::Path;

use super::{BatchNorm, Features, GroupNorm, LayerNorm};
use crate::MimError;

/// What values are normalised together. Of visible cells alone, each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// Each channel over the batch.
    Batch,
    /// Each channel over its sample.
    Instance,
    /// Each cell over its channels, with ε = 1e-6.
    Layer,
}

/// A norm of one kind or another.
#[derive(Debug)]
pub enum Norm {
    /// Each channel over the batch.
    Batch(BatchNorm),
    /// Channels over their sample.
    Group(GroupNorm),
    /// Each cell over its channels.
    Layer(LayerNorm),
}

impl Norm {
    /// With γ = 1, β = 0.
    pub fn new(path: &Path<'_>, kind: Normalisation, channels: i64) -> Self {
        match kind {
            Normalisation::Batch => Self::Batch(BatchNorm::new(path, channels, 1.0)),
            Normalisation::Instance => Self::Group(GroupNorm::new(path, channels, channels)),
            Normalisation::Layer => Self::Layer(LayerNorm::new(path, channels, 1e-6)),
        }
    }

    /// Normalises a map; `train` matters to batch normalisation alone.
    ///
    /// # Errors
    /// [`MimError::Visible`] in training, for fewer than two visible cells to take a batch's statistics from.
    pub fn forward<'a>(&self, input: Features<'a>, train: bool) -> Result<Features<'a>, MimError> {
        match self {
            Self::Batch(norm) => norm.forward(input, train),
            Self::Group(norm) => norm.forward(input),
            Self::Layer(norm) => norm.forward(input),
        }
    }
}
