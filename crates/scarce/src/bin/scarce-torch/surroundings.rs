//! What surrounds every training: the device, signals, and the processes that train together.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use scarce_cli::arguments::DeviceArguments;
use scarce_cli::exit::UsageError;
use scarce_image::Seed;
use scarce_train::distributed::{BatchNormPolicy, Group, Placement};
use scarce_train::native::autocast::in_bfloat16;
use scarce_train::{
    LoopConfig, RunFolder, Task, TrainError, TrainingHooks, TrainingSummary, run_training_with,
    stop_on_signals,
};
use tch::Device;

use crate::device::set_up;

/// What surrounds a training.
pub struct Surroundings {
    /// Where this process computes.
    pub device: Device,
    /// All processes of the training; often one.
    pub processes: Group,
    stop: Arc<AtomicBool>,
}

impl Surroundings {
    /// Does `work` in them, and lets all processes end together.
    pub fn with(
        arguments: &DeviceArguments,
        work: impl FnOnce(&Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let surroundings = Self::find(arguments)?;
        let result = work(&surroundings);
        surroundings.conclude(result)
    }

    /// Listens to signals and meets the other processes, where a launcher's variables tell of any.
    fn find(arguments: &DeviceArguments) -> Result<Self, TrainError> {
        let device = set_up(arguments)?;
        let stop = stop_on_signals()?;
        let mut processes = Group::from_env(Group::DEFAULT_TIMEOUT)?;
        processes.use_device(device)?;
        Ok(Self {
            device,
            processes,
            stop,
        })
    }

    /// Trains `task` into `run`.
    pub fn train(
        &self,
        task: &mut dyn Task,
        training: &LoopConfig,
        run: &mut RunFolder,
        seed: Seed,
    ) -> Result<TrainingSummary, TrainError> {
        let hooks = TrainingHooks {
            stop: Some(Arc::clone(&self.stop)),
            autocast: Some(in_bfloat16(self.device)),
            processes: Some(&self.processes),
            batch_norm: BatchNormPolicy::Local,
            elapsed: None,
        };
        run_training_with(task, training, run, seed, hooks)
    }

    /// Lets all processes end together, or tells them why this one can't go on.
    fn conclude(self, result: anyhow::Result<()>) -> anyhow::Result<()> {
        match result {
            Ok(()) => Ok(self.processes.conclude(Ok(()))?),
            Err(error) => match error.downcast::<TrainError>() {
                Ok(error) => Ok(self.processes.conclude(Err(error))?),
                Err(error) => {
                    self.processes.abandon(&format!("{error:#}"));
                    Err(error)
                }
            },
        }
    }
}

/// Refuses a launcher's processes for a training that would be the same on each of them.
pub fn refuse_several_processes(verb: &str, why: &str) -> anyhow::Result<()> {
    match Placement::from_env().map_err(TrainError::from)? {
        Some(placement) => Err(UsageError(format!(
            "`{verb}` trains on one process, but was started as rank {} of {}: {why}",
            placement.rank, placement.world_size
        ))
        .into()),
        None => Ok(()),
    }
}
