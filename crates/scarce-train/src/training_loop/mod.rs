//! The loop: seed, loss, checks, backward, update, validation, log, checkpoint.
//!
//! A step either happens whole or not at all. It is finished before a signal, the clock or a validation may
//! end the run, and what is not finite is found before the optimizer moves a weight.

mod config;
mod hooks;
mod non_finite;
mod processes;
mod resume;
mod session;
mod step;
mod summary;
mod validation;

use scarce_image::Seed;

pub use config::LoopConfig;
pub use hooks::TrainingHooks;
pub use non_finite::NonFinitePolicy;
use session::Session;
pub use summary::{Outcome, TrainingSummary};
pub use validation::{Goal, ValidationConfig};

use crate::native::process_state::keep_freed_memory;
use crate::{RunFolder, Task, TrainError};

/// Trains `task` into `run`.
///
/// # Errors
/// As [`run_training_with`].
pub fn run_training(
    task: &mut dyn Task,
    config: &LoopConfig,
    run: &mut RunFolder,
    seed: Seed,
) -> Result<TrainingSummary, TrainError> {
    run_training_with(task, config, run, seed, TrainingHooks::default())
}

/// Trains `task` into `run`, listening to the world outside. For the whole process, freed memory is kept from then on
/// ([`keep_freed_memory`]).
///
/// On several processes ([`TrainingHooks::processes`]) all call this with the same settings, and all end at
/// the same step, by the same outcome; rank 0 writes `run`, the others [follow](RunFolder::follow) it. Where
/// one fails, the others do once its group was told ([`crate::distributed::Group::conclude`]).
///
/// # Errors
/// [`TrainError::Config`] for settings out of range; [`TrainError::NonFinite`] before a step would spread a NaN;
/// [`TrainError::Task`]; [`TrainError::UnfitCheckpoint`] when a resumed run finds none that fits;
/// [`TrainError::Interrupted`] after the step was saved; [`TrainError::Distributed`] where another process is lost.
pub fn run_training_with(
    task: &mut dyn Task,
    config: &LoopConfig,
    run: &mut RunFolder,
    seed: Seed,
    hooks: TrainingHooks<'_>,
) -> Result<TrainingSummary, TrainError> {
    config.check()?;
    keep_freed_memory();
    let mut session = Session::new(task, config, run, seed, hooks)?;
    session.begin()?;
    let outcome = session.train()?;
    session.finish(outcome)
}
