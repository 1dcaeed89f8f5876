//! Going on from a checkpoint, or saying exactly why not.

use std::fs;
use std::path::PathBuf;

use super::session::Session;
use crate::checkpoint::{check_tensors, io, the_one_before, unfit};
use crate::{Checkpoint, CheckpointFault, CheckpointState, Existing, TrainError, load_variables};

impl Session<'_, '_> {
    /// Restores the run's checkpoint; false where the run was stopped before it had one.
    pub(super) fn resume(&mut self) -> Result<bool, TrainError> {
        let checkpoints = self.run.checkpoints();
        let chosen = if self.run.existing() == Existing::ResumePrevious {
            checkpoints.join("previous")
        } else {
            match Checkpoint::locate(&checkpoints) {
                Ok(folder) => folder,
                Err(_) if self.run.begun() => {
                    tracing::warn!(
                        "no checkpoint yet, starting from the first step: {}",
                        checkpoints.display()
                    );
                    self.run.describe()?;
                    self.run.rewind_metrics(0)?;
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        };
        let saved = Checkpoint::read(&chosen).and_then(|saved| match self.fits(&saved) {
            Ok(()) => Ok(saved),
            Err(fault) => Err(unfit(fault, &chosen)),
        });
        let saved = saved.map_err(|error| match error {
            TrainError::UnfitCheckpoint { fault, path, .. } => TrainError::UnfitCheckpoint {
                fault,
                before_it: the_one_before(&chosen, |previous| self.fits(previous)),
                path,
            },
            other => other,
        })?;
        let step = saved.state.step;
        self.restore(saved)?;
        if self.run.existing() == Existing::ResumePrevious {
            set_last_aside(checkpoints)?;
        }
        self.run.describe()?;
        self.run.rewind_metrics(step)?;
        self.adopt()?;
        Ok(true)
    }

    /// What may differ between sessions is from now on this session's.
    pub(super) fn adopt(&mut self) -> Result<(), TrainError> {
        let (threads, processes) = (tch::get_num_threads(), self.hooks.process_count());
        if (self.state.threads, self.state.processes) != (threads, processes) {
            tracing::warn!("resumed elsewhere: results differ in their last digits");
        }
        let total = self.config.steps;
        if self.state.total_steps != total && self.config.schedule.depends_on_total() {
            tracing::warn!(
                "the run was to have {} steps, now {total}: its learning rate takes another course from here",
                self.state.total_steps
            );
        }
        self.state.threads = threads;
        self.state.processes = processes;
        self.state.total_steps = total;
        self.state.settings = self.config.settings(self.run.resolved_config())?;
        Ok(())
    }

    /// Whether this run could go on from `saved`.
    fn fits(&self, saved: &Checkpoint) -> Result<(), CheckpointFault> {
        check_origin(&saved.state, &self.state, self.config.resume_elsewhere)?;
        let ema = self.ema.as_ref().map(crate::Ema::state);
        for (group, expected) in [
            ("weights", self.task.weights()),
            ("optimizer", self.optimizer.state()),
            ("ema", ema.unwrap_or_default()),
        ] {
            check_tensors(&expected, saved.group_or_none(group))?;
        }
        Ok(())
    }

    /// Takes over a checkpoint that fits.
    pub(super) fn restore(&mut self, saved: Checkpoint) -> Result<(), TrainError> {
        load_variables(&self.task.weights(), saved.group_or_none("weights"), "")?;
        load_variables(
            &self.optimizer.state(),
            saved.group_or_none("optimizer"),
            "",
        )?;
        if let Some(ema) = &self.ema {
            load_variables(&ema.state(), saved.group_or_none("ema"), "")?;
        }
        let step = saved.state.step;
        self.task
            .restore_memory(saved.group_or_none("memory"))
            .map_err(|source| TrainError::Task { step, source })?;
        self.state = saved.state;
        Ok(())
    }
}

/// Whether a checkpoint was made by a run like this one.
fn check_origin(
    saved: &CheckpointState,
    run: &CheckpointState,
    elsewhere: bool,
) -> Result<(), CheckpointFault> {
    if saved.seed != run.seed {
        return Err(CheckpointFault::OtherSeed {
            saved: saved.seed,
            run: run.seed,
        });
    }
    let keys = saved.settings.keys().chain(run.settings.keys());
    let mut other: Vec<&String> = keys
        .filter(|key| saved.settings.get(*key) != run.settings.get(*key))
        .collect();
    other.sort();
    other.dedup();
    if let Some(key) = other.first() {
        let value = |state: &CheckpointState| {
            let value = state.settings.get(*key);
            value.map_or_else(|| "absent".to_owned(), Clone::clone)
        };
        return Err(CheckpointFault::OtherConfig {
            key: (*key).clone(),
            saved: value(saved),
            run: value(run),
            more: other.len() - 1,
        });
    }
    if saved.processes != run.processes && !elsewhere {
        return Err(CheckpointFault::OtherProcessCount {
            saved: saved.processes,
            run: run.processes,
        });
    }
    if saved.threads != run.threads && !elsewhere {
        return Err(CheckpointFault::OtherThreadCount {
            saved: saved.threads,
            run: run.threads,
        });
    }
    Ok(())
}

/// Or the next save would keep the unfit one as `previous` and drop the good one.
fn set_last_aside(checkpoints: PathBuf) -> Result<(), TrainError> {
    let (last, aside) = (checkpoints.join("last"), checkpoints.join("unfit"));
    if !last.exists() {
        return Ok(());
    }
    if aside.exists() {
        fs::remove_dir_all(&aside).map_err(io("cannot remove", &aside))?;
    }
    fs::rename(&last, &aside).map_err(io("cannot set aside", &last))
}
