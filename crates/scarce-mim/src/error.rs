//! What can go wrong in the method.

use scarce_mask::MaskError;
use scarce_train::TrainError;
use scarce_train::interchange::WeightsError;
use scarce_train::loader::LoaderError;
use thiserror::Error;

/// What can go wrong in the method.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MimError {
    /// A tensor has another shape than needed.
    #[error("{what}: expected {expected}, got {got:?}")]
    Shape {
        /// What it is.
        what: &'static str,
        /// What was needed.
        expected: String,
        /// The shape found.
        got: Vec<i64>,
    },
    /// Batch statistics need at least two visible positions.
    #[error("{visible} visible positions in the batch: expected at least 2")]
    Visible {
        /// Visible positions.
        visible: i64,
    },
    /// The training data cannot serve.
    #[error("training data: {message}")]
    Data {
        /// Why.
        message: String,
    },
    /// A setting is out of its range.
    #[error("setting {name}: expected {expected}, got {got}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// Its range.
        expected: String,
        /// What was given.
        got: String,
    },
    /// No mask could be drawn.
    #[error("mask of {sample}: {source}")]
    Mask {
        /// The sample.
        sample: String,
        /// Why.
        source: MaskError,
    },
    /// A batch of slices cannot be had.
    #[error(transparent)]
    Loader(#[from] LoaderError),
    /// A layer that no ONNX graph is written of.
    #[error("{layer} is not written as an ONNX graph")]
    NotInGraph {
        /// Which.
        layer: &'static str,
    },
    /// Weights cannot be read or written.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The training runtime failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}
