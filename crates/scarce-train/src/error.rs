//! What can go wrong in a training, and whose fault it is.

use std::path::PathBuf;

use thiserror::Error;

use crate::CheckpointFault;

/// An error of a [`crate::Task`].
pub type TaskError = Box<dyn std::error::Error + Send + Sync>;

/// Whose fault an error is; the command line turns it into an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The command or its configuration.
    Usage,
    /// An input file or an artefact.
    Data,
    /// The numbers: a loss or gradient that is not finite.
    Numeric,
    /// Nobody's: the run was told to stop and can be resumed.
    Interrupted,
    /// The machine: a missing device, a full disk.
    Environment,
}

/// What can go wrong in a training.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The configuration is not what the training expects.
    #[error("configuration key `{key}`: {message}, in {origin}")]
    Config {
        /// Dotted path of the key.
        key: String,
        /// What is wrong with it.
        message: String,
        /// The file, or the override it came from.
        origin: String,
    },
    /// The loss or the gradient of a step is not finite; nothing was updated.
    #[error("{what} of step {step} is {value}, expected a finite number; samples: {samples}")]
    NonFinite {
        /// Such as `loss`, `gradient norm` or `weight conv.bias`.
        what: String,
        /// The step, counted from 0.
        step: u64,
        /// The value found.
        value: f64,
        /// Ids of the step's samples.
        samples: String,
    },
    /// The task failed to produce a step's loss.
    #[error("step {step}: {source}")]
    Task {
        /// The step, counted from 0.
        step: u64,
        /// What the task said.
        source: TaskError,
    },
    /// A run folder is there already.
    #[error("the run folder is not empty; resume it, overwrite it or name another: {path}")]
    RunExists {
        /// The folder.
        path: PathBuf,
    },
    /// The run was told to stop. It has finished its step and saved.
    #[error("interrupted after step {steps}; --resume goes on from there: {path}")]
    Interrupted {
        /// Steps done.
        steps: u64,
        /// The run folder.
        path: PathBuf,
    },
    /// A checkpoint does not serve.
    #[error("checkpoint: {fault}; {before_it}: {path}")]
    UnfitCheckpoint {
        /// Why not.
        fault: Box<CheckpointFault>,
        /// What the checkpoint before it is good for.
        before_it: String,
        /// The folder or file.
        path: PathBuf,
    },
    /// Tensors cannot be used.
    #[error("checkpoint: {message}: {path}")]
    Checkpoint {
        /// What is wrong with it.
        message: String,
        /// The folder or file.
        path: PathBuf,
    },
    /// A device that was asked for is not there.
    #[error("device `{asked}`: {message}")]
    Device {
        /// What was asked for.
        asked: String,
        /// Why it cannot be had.
        message: String,
    },
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// libtorch refused a call of the native module.
    #[error(transparent)]
    Native(#[from] crate::native::NativeError),
    /// Another process of the training is lost, or the processes cannot meet.
    #[error(transparent)]
    Distributed(#[from] crate::distributed::DistributedError),
    /// A file could not be read or written.
    #[error("{what}: {source}: {path}")]
    Io {
        /// What was attempted.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// A record could not be turned into JSON.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl TrainError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Config { .. } | Self::RunExists { .. } => Fault::Usage,
            Self::NonFinite { .. } => Fault::Numeric,
            Self::Interrupted { .. } => Fault::Interrupted,
            Self::UnfitCheckpoint { fault, .. } => match **fault {
                CheckpointFault::OtherConfig { .. }
                | CheckpointFault::OtherSeed { .. }
                | CheckpointFault::OtherProcessCount { .. }
                | CheckpointFault::OtherThreadCount { .. } => Fault::Usage,
                _ => Fault::Data,
            },
            Self::Task { .. } | Self::Checkpoint { .. } => Fault::Data,
            Self::Distributed(error) if error.is_usage() => Fault::Usage,
            Self::Device { .. }
            | Self::Torch(_)
            | Self::Native(_)
            | Self::Distributed(_)
            | Self::Io { .. }
            | Self::Json(_) => Fault::Environment,
        }
    }
}
