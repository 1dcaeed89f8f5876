//! One process's share of a run: from where it was left to where it ends or is stopped.

use std::collections::BTreeMap;
use std::time::Instant;

use scarce_image::{Seed, StreamKey};
use tch::Tensor;

use super::non_finite::{first_non_finite, report};
use super::{LoopConfig, NonFinitePolicy, Outcome, TrainingHooks, TrainingSummary};
use crate::channels_last::lay_out_channels_last;
use crate::distributed::{GradientAverager, Group};
use crate::{
    Checkpoint, CheckpointState, Ema, Optimizer, Precision, RunFolder, StepContext, Task,
    TrainError,
};

pub(super) struct Session<'a, 'h> {
    pub task: &'a mut dyn Task,
    pub config: &'a LoopConfig,
    pub run: &'a mut RunFolder,
    pub seed: Seed,
    pub hooks: TrainingHooks<'h>,
    pub parameters: Vec<(String, Tensor)>,
    pub optimizer: Optimizer,
    pub ema: Option<Ema>,
    /// Where the run stands.
    pub state: CheckpointState,
    /// The samples of the step before, named when what it left is not finite.
    pub last_samples: Vec<String>,
    /// On several processes.
    pub averager: Option<GradientAverager<'h>>,
    began: Instant,
    saved_at: Option<u64>,
}

impl<'a, 'h> Session<'a, 'h> {
    pub(super) fn new(
        task: &'a mut dyn Task,
        config: &'a LoopConfig,
        run: &'a mut RunFolder,
        seed: Seed,
        mut hooks: TrainingHooks<'h>,
    ) -> Result<Self, TrainError> {
        // One on its own has nobody to agree with.
        hooks.processes = hooks.processes.filter(|group| group.world_size() > 1);
        if config.precision == Precision::Bf16
            && hooks.autocast.is_none()
            && !task.compute_in(Precision::Bf16)
        {
            return Err(TrainError::Config {
                key: "precision".to_owned(),
                message: "is bf16, but neither libtorch's autocast nor the task brings it"
                    .to_owned(),
                origin: "the training's settings".to_owned(),
            });
        }
        let parameters = task.parameters();
        if config.channels_last {
            lay_out_channels_last(&parameters)?;
        }
        let shared = parameters
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
            .collect();
        let optimizer = Optimizer::with_groups(config.optimizer, &config.groups, shared, |name| {
            task.layer(name)
        });
        let ema = config.ema.map(|ema| Ema::new(ema, &task.weights()));
        let state = CheckpointState {
            total_steps: config.steps,
            seed: seed.0,
            threads: tch::get_num_threads(),
            processes: hooks.process_count(),
            settings: config.settings(run.resolved_config())?,
            ..CheckpointState::default()
        };
        Ok(Self {
            task,
            config,
            run,
            seed,
            hooks,
            parameters,
            optimizer,
            ema,
            state,
            last_samples: Vec::new(),
            averager: None,
            began: Instant::now(),
            saved_at: None,
        })
    }

    /// Takes up the run where it was left, or makes ready for its first step.
    pub(super) fn begin(&mut self) -> Result<(), TrainError> {
        if self.take_up()? {
            self.saved_at = Some(self.state.step);
        }
        let rolls_back = self.config.non_finite == NonFinitePolicy::RollBack;
        if self.saved_at.is_none() && (rolls_back || self.config.steps == 0) {
            // The networks as they were drawn: for controls, and to return to.
            self.save()?;
        }
        Ok(())
    }

    /// Steps until there is a reason to end.
    pub(super) fn train(&mut self) -> Result<Outcome, TrainError> {
        loop {
            if self.config.validation.gives_up(&self.state) {
                return Ok(Outcome::StoppedEarly);
            }
            if self.state.step >= self.config.steps {
                return Ok(Outcome::Finished);
            }
            self.tell_step();
            let budget = self.config.wall_clock_budget_s;
            let [told_to_stop, time_is_up] = self.hooks.reasons_to_end(self.began, budget)?;
            if told_to_stop {
                self.save_if_due(true)?;
                return Err(TrainError::Interrupted {
                    steps: self.state.step,
                    path: self.run.path().to_owned(),
                });
            }
            if time_is_up {
                return Ok(Outcome::BudgetSpent);
            }
            match self.step() {
                Err(TrainError::NonFinite { step, .. }) if self.may_roll_back(step) => {
                    self.roll_back(step)?;
                }
                other => other?,
            }
            self.save_if_due(
                self.state
                    .step
                    .is_multiple_of(self.config.checkpoint_every.max(1)),
            )?;
        }
    }

    /// Saves, and writes what the run comes to.
    pub(super) fn finish(&mut self, outcome: Outcome) -> Result<TrainingSummary, TrainError> {
        self.save_if_due(true)?;
        self.run.write_csv()?;
        let summary = TrainingSummary {
            steps: self.state.step,
            final_loss: self.state.last_loss,
            outcome,
        };
        if self.state.step > 0 {
            self.run.write_json("summary.json", &summary)?;
        }
        Ok(summary)
    }

    pub(super) fn context(&self) -> StepContext {
        StepContext {
            step: self.state.step,
            total_steps: self.config.steps,
            seed: self.seed,
            rank: self.hooks.processes.map_or(0, Group::rank),
            world_size: self.hooks.process_count(),
        }
    }

    /// Seeds libtorch's generator as a function of the step and of what it is for.
    pub(super) fn seed_generator(&self, sample_id: &str, purpose: &str) {
        tch::manual_seed(self.seed.derive(StreamKey {
            epoch: self.state.step,
            sample_id,
            purpose,
        }));
    }

    pub(super) fn checkpoint(&self) -> Checkpoint {
        let mut groups = BTreeMap::from([
            ("weights".to_owned(), self.task.weights()),
            ("optimizer".to_owned(), self.optimizer.state()),
            ("memory".to_owned(), self.task.memory()),
        ]);
        if let Some(ema) = &self.ema {
            groups.insert("ema".to_owned(), ema.state());
        }
        Checkpoint {
            groups,
            state: self.state.clone(),
        }
    }

    fn save_if_due(&mut self, due: bool) -> Result<(), TrainError> {
        if due && self.saved_at != Some(self.state.step) {
            self.save()?;
        }
        Ok(())
    }

    /// A good checkpoint is never followed by one that is not finite.
    fn save(&mut self) -> Result<(), TrainError> {
        let checkpoint = self.checkpoint();
        for group in ["weights", "optimizer", "ema"] {
            let tensors = checkpoint.group_or_none(group);
            if let Some((name, value)) = first_non_finite(tensors)? {
                let what = format!("{group} {name}");
                let step = self.state.step.saturating_sub(1);
                return Err(report(
                    self.run,
                    step,
                    (&what, value),
                    &self.last_samples,
                    &[],
                ));
            }
        }
        let kept = self.run.sync_metrics();
        if self.hooks.is_main() {
            checkpoint.save(&self.run.checkpoints())?;
        }
        self.saved_at = Some(self.state.step);
        // Only now: a log that was removed must not cost the steps since.
        kept
    }

    fn may_roll_back(&self, step: u64) -> bool {
        // What a checkpoint would have held is not finite: passing over the step again would not help.
        self.config.non_finite == NonFinitePolicy::RollBack
            && step == self.state.step
            && self.state.skipped_steps.len() < self.config.max_roll_backs
    }

    fn roll_back(&mut self, step: u64) -> Result<(), TrainError> {
        let mut skipped = std::mem::take(&mut self.state.skipped_steps);
        skipped.insert(step);
        let folder = Checkpoint::locate(&self.run.checkpoints())?;
        self.restore(Checkpoint::read(&folder)?)?;
        self.adopt()?;
        self.state.skipped_steps.append(&mut skipped);
        self.saved_at = Some(self.state.step);
        self.run.rewind_metrics(self.state.step)?;
        tracing::warn!(
            "step {step} was not finite: back to step {}, and past that one",
            self.state.step
        );
        Ok(())
    }
}
