//! Where a run's figures go: a table, TensorBoard, a line on the terminal.
//!
//! [`crate::RunFolder`] keeps the table and hands every step's figures to the sinks added to it. When a run
//! resumes, each sink forgets the steps that are about to be done again: no step comes twice.

mod epoch_times;
mod metrics_table;
mod progress;
pub mod tensorboard;

use std::fmt;

pub use epoch_times::EpochTimes;
pub use metrics_table::MetricsTable;
pub use progress::Progress;
pub use tensorboard::TensorBoard;

use crate::TrainError;

/// Takes the figures of a run, step by step.
pub trait Sink: fmt::Debug + Send {
    /// Takes the figures of `step`, counted from 0. Steps arrive in order.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    fn on_step(&mut self, step: u64, figures: &[(String, f64)]) -> Result<(), TrainError>;

    /// Forgets what it holds of `step` and later: the run goes on from a checkpoint made before `step`.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    fn resume_at(&mut self, step: u64) -> Result<(), TrainError>;

    /// Sees to it that what was taken outlives the machine.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    fn flush(&mut self) -> Result<(), TrainError>;
}
