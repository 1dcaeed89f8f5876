//! One update: its batches, its checks, and what follows from it.

use super::non_finite::report;
use super::session::Session;
use crate::optimizer::clip_scale;
use crate::schedule::cosine_between;
use crate::{MicroBatch, StepLoss, TaskError, TrainError};

/// What the batches of a step came to.
#[derive(Default)]
struct Batches {
    loss: f64,
    figures: Vec<(String, f64)>,
    sample_ids: Vec<String>,
}

impl Session<'_, '_> {
    /// One step, and its row of metrics.
    pub(super) fn step(&mut self) -> Result<(), TrainError> {
        let step = self.state.step;
        if self.state.skipped_steps.contains(&step) {
            self.state.step += 1;
            return self.run.log(step, &[("skipped".to_owned(), 1.0)]);
        }
        let context = self.context();
        let task_error = |source| TrainError::Task { step, source };
        let batches = self.backward()?;
        let gradient_norm = self.optimizer.gradient_norm()?;
        self.check_finite("gradient norm", gradient_norm, &batches)?;

        let scale = clip_scale(gradient_norm, self.config.clip_gradient_norm);
        let learning_rate =
            self.config.learning_rate * self.config.schedule.factor(step, self.config.steps);
        if let Some(end) = self.config.weight_decay_end {
            let start = self.config.optimizer.weight_decay();
            let decay = cosine_between(start, end, step, self.config.steps);
            self.optimizer.set_weight_decay(decay);
        }
        self.optimizer.step(learning_rate, scale)?;
        let updates = step - self.state.skipped_steps.range(..step).count() as u64;
        self.state.step += 1;
        self.state.last_loss = Some(batches.loss);
        self.task.after_step(&context).map_err(task_error)?;
        self.settle()?;
        if let Some(ema) = &mut self.ema {
            ema.update(&self.task.weights(), updates)?;
        }

        let mut figures = vec![("loss".to_owned(), batches.loss)];
        figures.extend(batches.figures);
        figures.push(("learning_rate".to_owned(), learning_rate));
        figures.push(("gradient_norm".to_owned(), gradient_norm));
        self.last_samples = batches.sample_ids;
        self.validate(&mut figures)?;
        self.run.log(step, &figures)
    }

    /// Losses and gradients of the step's batches, averaged.
    fn backward(&mut self) -> Result<Batches, TrainError> {
        let count = self.config.accumulate;
        let step = self.state.step;
        let mut batches = Batches::default();
        for index in 0..count {
            let sample_id = if index == 0 {
                String::new()
            } else {
                index.to_string()
            };
            self.seed_generator(&sample_id, "libtorch");
            let loss = self
                .loss(MicroBatch { index, count })
                .map_err(|source| TrainError::Task { step, source })?;
            let value = loss.total.f_double_value(&[])?;
            batches.add(&loss, value, count);
            self.check_finite("loss", self.agree_on_finite(value)?, &batches)?;
            if index == 0 {
                self.optimizer.zero_grad();
            }
            let total = if count == 1 {
                loss.total
            } else {
                loss.total.f_div_scalar(count as f64)?
            };
            match &mut self.averager {
                None => self.optimizer.backward(&total)?,
                // Where gradients are averaged while they come, they must come to the parameters.
                Some(averager) if index + 1 == count => averager.backward(&total)?,
                Some(_) => total.f_backward()?,
            }
        }
        batches.loss = self.mean_over_processes(batches.loss)?;
        Ok(batches)
    }

    fn loss(&mut self, batch: MicroBatch) -> Result<StepLoss, TaskError> {
        let context = self.context();
        let task = &mut *self.task;
        let mut forward = || {
            if batch.count == 1 {
                task.loss(&context)
            } else {
                task.micro_loss(&context, batch)
            }
        };
        match self.hooks.autocast {
            Some(autocast) if self.config.precision == crate::Precision::Bf16 => {
                let mut loss = None;
                autocast(&mut || loss = Some(forward()));
                loss.unwrap_or_else(|| Err("autocast did not call the forward pass".into()))
            }
            _ => forward(),
        }
    }

    fn check_finite(&self, what: &str, value: f64, batches: &Batches) -> Result<(), TrainError> {
        if value.is_finite() {
            return Ok(());
        }
        Err(report(
            self.run,
            self.state.step,
            (what, value),
            &batches.sample_ids,
            &batches.figures,
        ))
    }

    /// Validates where it is due, adds the figures, and keeps the best.
    fn validate(&mut self, figures: &mut Vec<(String, f64)>) -> Result<(), TrainError> {
        let config = &self.config.validation;
        if !config.is_due(self.state.step, self.config.steps) {
            return Ok(());
        }
        self.seed_generator("", "validation");
        let context = self.context();
        let ema = if config.on_ema {
            self.ema.as_mut()
        } else {
            None
        };
        let found = match ema {
            None => self.task.validate(&context),
            Some(ema) => {
                ema.swap(&self.task.weights())?;
                let found = self.task.validate(&context);
                ema.swap(&self.task.weights())?;
                found
            }
        };
        let found = found.map_err(|source| TrainError::Task {
            step: context.step,
            source,
        })?;
        let is_best = config.judge(&found, &mut self.state)?;
        if is_best && self.hooks.is_main() {
            self.checkpoint().save_best(&self.run.checkpoints())?;
        }
        self.agree_on_validation()?;
        figures.extend(found);
        Ok(())
    }
}

impl Batches {
    /// Adds one of `count` batches.
    fn add(&mut self, loss: &StepLoss, value: f64, count: u64) {
        let share = count as f64;
        self.loss += value / share;
        for (name, value) in &loss.figures {
            match self.figures.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += value / share,
                None => self.figures.push((name.clone(), value / share)),
            }
        }
        self.sample_ids.extend(loss.sample_ids.iter().cloned());
    }
}
