//! What every training shares: configuration, optimizers, schedules, EMA, the loop, checkpoints and
//! run folders.
//!
//! A training implements [`Task`]; [`run_training`] drives it. Before each step libtorch's generator
//! is seeded from (seed, step), and every choice made in Rust draws from a stream keyed by
//! (seed, epoch, sample, purpose): a resumed run therefore needs no generator state to repeat what
//! an uninterrupted one would have done on the same thread count.
//!
//! # A network of your own
//!
//! `docs/training.md` explains the parts.
//!
//! ```no_run
#![doc = include_str!("../examples/train_your_own.rs")]
//! ```

mod channels_last;
mod checkpoint;
pub mod config;
mod cuda;
mod device;
pub mod distributed;
mod ema;
mod error;
pub mod interchange;
pub mod loader;
pub mod native;
mod optimizer;
mod precision;
pub mod pytorch_init;
mod run_folder;
mod schedule;
mod signals;
pub mod sinks;
mod task;
mod tensors;
mod training_loop;

pub use channels_last::channels_last;
pub use checkpoint::{
    BestFigure, Checkpoint, CheckpointFault, CheckpointState, TensorFault, load_variables,
};
pub use cuda::{CudaDevice, CudaLibrary, CudaReport, load_cuda_library};
pub use device::{parse_device, parse_device_of};
pub use ema::{BufferPolicy, Ema, EmaConfig, ema_decay, ema_update};
pub use error::{Fault, TaskError, TrainError};
pub use optimizer::{GroupsConfig, LayerDepth, Optimizer, OptimizerConfig, ParameterSettings};
pub use precision::Precision;
pub use run_folder::{Existing, RunFolder, RunManifest};
pub use scarce_image as image;
pub use scarce_metrics as metrics;
pub use schedule::{Schedule, cosine_between, ramp_up, stepped_ramp_up};
pub use signals::{INTERRUPTED_EXIT_CODE, stop_on_signals};
pub use task::{MicroBatch, StepContext, StepLoss, Task};
pub use tensors::{
    array2_from_tensor, array3_from_tensor, array4_from_tensor, named_variables, tensor_from_array,
};
pub use training_loop::{
    Goal, LoopConfig, NonFinitePolicy, Outcome, TrainingHooks, TrainingSummary, ValidationConfig,
    run_training, run_training_with,
};
