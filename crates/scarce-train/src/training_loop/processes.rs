//! What the processes of one training agree on; nothing for a process on its own.

use tch::{Kind, Tensor};

use super::NonFinitePolicy;
use super::session::Session;
use crate::distributed::{GradientAverager, settle_buffers};
use crate::{Checkpoint, TrainError};

/// How PyTorch's convention and tch name the running statistics of normalisations.
const STATISTICS: [&str; 2] = ["running_mean", "running_var"];

impl Session<'_, '_> {
    /// Restores what the run goes on from; false where it starts anew. Rank 0 chooses the checkpoint, the
    /// others read it after it has; weights that were drawn are those of rank 0.
    pub(super) fn take_up(&mut self) -> Result<bool, TrainError> {
        let resumed = self.run.resumes() && self.resume()?;
        let Some(group) = self.hooks.processes else {
            return Ok(resumed);
        };
        let chosen = Tensor::from_slice(&[i64::from(resumed), self.state.step as i64]);
        group.broadcast(&[chosen.shallow_clone()])?;
        let (resumed, step) = (
            chosen.int64_value(&[0]) > 0,
            chosen.int64_value(&[1]) as u64,
        );
        if resumed && !group.is_main() {
            let folder = Checkpoint::locate(&self.run.checkpoints())?;
            let saved = Checkpoint::read(&folder)?;
            if saved.state.step != step {
                return Err(TrainError::Checkpoint {
                    message: format!(
                        "rank {} found step {}, rank 0 step {step}: all must see the same run folder",
                        group.rank(),
                        saved.state.step
                    ),
                    path: folder,
                });
            }
            self.restore(saved)?;
            self.adopt()?;
        }
        group.broadcast(&tensors(&self.task.weights(), |_| true))?;
        if let Some(ema) = &self.ema
            && !resumed
        {
            // It began as a copy of what this process had drawn.
            group.broadcast(&tensors(&ema.state(), |_| true))?;
        }
        let trained = tensors(&self.parameters, |_| true);
        let bucket = GradientAverager::DEFAULT_BUCKET_BYTES;
        self.averager = Some(GradientAverager::new(group, &trained, bucket)?);
        Ok(resumed)
    }

    /// For the others, should this process be lost.
    pub(super) fn tell_step(&self) {
        if let Some(group) = self.hooks.processes {
            group.at_step(self.state.step);
        }
    }

    /// `value`, or NaN where it is not finite on another process: all must roll back together. Where they are to
    /// fail, the one that found it tells the others.
    pub(super) fn agree_on_finite(&self, value: f64) -> Result<f64, TrainError> {
        let (Some(group), NonFinitePolicy::RollBack) =
            (self.hooks.processes, self.config.non_finite)
        else {
            return Ok(value);
        };
        let any = group.any(!value.is_finite())?;
        Ok(if any && value.is_finite() {
            f64::NAN
        } else {
            value
        })
    }

    /// The loss of the whole batch from the weighted losses of its shares.
    pub(super) fn mean_over_processes(&self, loss: f64) -> Result<f64, TrainError> {
        let Some(group) = self.hooks.processes else {
            return Ok(loss);
        };
        let mean = Tensor::from_slice(&[loss]);
        group.all_reduce_mean(&mean)?;
        Ok(mean.f_double_value(&[0])?)
    }

    /// After every step, as whatever uses or saves running statistics and memory, and whenever it does, then finds
    /// the same.
    pub(super) fn settle(&mut self) -> Result<(), TrainError> {
        let Some(group) = self.hooks.processes else {
            return Ok(());
        };
        let is_statistic = |name: &str| STATISTICS.iter().any(|end| name.ends_with(end));
        let statistics = tensors(&self.task.weights(), is_statistic);
        settle_buffers(group, self.hooks.batch_norm, &statistics)?;
        self.task.settle(group)
    }

    /// Each process validated the same weights; by whose figures all go on is settled, lest the last digit of
    /// another machine's decides otherwise there.
    pub(super) fn agree_on_validation(&mut self) -> Result<(), TrainError> {
        if let Some(group) = self.hooks.processes {
            let since = Tensor::from(self.state.validations_since_best as i64).to_kind(Kind::Int64);
            group.broadcast(&[since.shallow_clone()])?;
            self.state.validations_since_best = since.f_int64_value(&[])? as u64;
        }
        Ok(())
    }
}

fn tensors(named: &[(String, Tensor)], wanted: impl Fn(&str) -> bool) -> Vec<Tensor> {
    let wanted = named.iter().filter(|(name, _)| wanted(name));
    wanted.map(|(_, tensor)| tensor.shallow_clone()).collect()
}
