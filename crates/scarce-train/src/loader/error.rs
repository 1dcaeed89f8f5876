//! What keeps a loader from a batch.

use thiserror::Error;

use super::SourceError;

/// What keeps a loader from a batch. Where a sample is at fault, it is named.
#[derive(Debug, Error)]
pub enum LoaderError {
    /// The source could not give a sample.
    #[error("sample `{id}`: {source}")]
    Sample {
        /// The sample.
        id: String,
        /// What the source said.
        source: SourceError,
    },
    /// The source panicked over a sample; its worker lives on.
    #[error("reading sample `{id}` panicked: {message}")]
    Panicked {
        /// The sample.
        id: String,
        /// The panic's message.
        message: String,
    },
    /// Samples of one batch cannot be stacked.
    #[error(
        "array `{array}` of sample `{id}` is {got}, that of `{first}` in the same batch {expected}"
    )]
    Uneven {
        /// The array's name.
        array: String,
        /// The batch's first sample with such an array.
        first: String,
        /// Its kind and shape.
        expected: String,
        /// The sample that differs.
        id: String,
        /// Its kind and shape.
        got: String,
    },
    /// A batch was asked for an array that none of its samples has.
    #[error("no sample of step {step} has an array `{array}`; there are {known}")]
    NoArray {
        /// The name that was asked for.
        array: String,
        /// The batch's step.
        step: u64,
        /// The names there are.
        known: String,
    },
    /// A setting that makes no batches.
    #[error("loader setting `{name}`: expected {expected}, got {got}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it may be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// Two samples of one name: random choices are keyed by name, so they would share them.
    #[error("sample `{id}` comes twice in the source")]
    Twice {
        /// The name.
        id: String,
    },
    /// A worker thread could not be started.
    #[error("cannot start a worker thread: {0}")]
    Spawn(#[source] std::io::Error),
    /// Every worker is gone, which only a killed thread explains.
    #[error("the loader's workers are gone")]
    WorkersGone,
    /// libtorch refused a batch.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// libtorch refused a batch's memory.
    #[error(transparent)]
    Native(#[from] crate::native::NativeError),
}
