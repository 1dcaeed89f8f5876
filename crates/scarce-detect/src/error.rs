//! What can go wrong in a detector, its parts and its training.

use scarce_metrics::detection::CocoError;
use scarce_metrics::detection::rle::RleError;
use scarce_mim::MimError;
use scarce_train::TrainError;
use scarce_train::interchange::WeightsError;
use scarce_train::loader::LoaderError;
use thiserror::Error;

/// What can go wrong in a detector, its parts and its training.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DetectError {
    /// A tensor has another shape than needed.
    #[error("{what}: expected {expected}, got {got:?}")]
    Shape {
        /// What it is.
        what: &'static str,
        /// What was needed.
        expected: &'static str,
        /// The shape found.
        got: Vec<i64>,
    },
    /// A setting is out of its range.
    #[error("setting {name}: expected {expected}, got {got}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// A box without area.
    #[error("box {index}: expected x1 < x2 and y1 < y2, got {xyxy:?}")]
    Box {
        /// Its place among the image's boxes.
        index: i64,
        /// Its corners.
        xyxy: Vec<f64>,
    },
    /// Images or objects cannot be trained on.
    #[error("training data: {message}")]
    Data {
        /// Which, and why.
        message: String,
    },
    /// A batch of images cannot be had.
    #[error(transparent)]
    Loader(#[from] LoaderError),
    /// The training runtime failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Weights cannot be written as a graph.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// What was found cannot be scored.
    #[error("validation: {0}")]
    Score(#[from] CocoError),
    /// An object's mask has no runs.
    #[error("mask of an object: {0}")]
    Runs(#[from] RleError),
    /// The encoder failed.
    #[error(transparent)]
    Encoder(#[from] MimError),
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}
