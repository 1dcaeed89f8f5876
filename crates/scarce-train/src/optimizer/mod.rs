//! Optimizers whose state is ours to save.
//!
//! Updates are PyTorch's and timm's, in place, with no more passes over memory than their eager forms and no
//! temporaries. tch exposes neither libtorch's `_fused_*_` nor its `_foreach_*` kernels.

mod adamw;
mod config;
#[cfg(test)]
mod goldens;
mod groups;
mod lamb;
mod norm;
mod scratch;
mod sgd;
mod slot;

use tch::Tensor;

use crate::TrainError;
pub use config::OptimizerConfig;
pub use groups::{GroupsConfig, LayerDepth, ParameterSettings};
pub(crate) use norm::clip_scale;
use norm::global_norm;
use scratch::Scratch;
use slot::Slot;

/// The parameters under training and what is remembered of them.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    weight_decay: f64,
    slots: Vec<Slot>,
    scratch: Scratch,
}

impl Optimizer {
    /// An optimizer over named parameters, its moments zero, told apart as is usual for it.
    pub fn new(config: OptimizerConfig, parameters: Vec<(String, Tensor)>) -> Self {
        Self::with_groups(config, &GroupsConfig::default(), parameters, |_| None)
    }

    /// An optimizer whose parameters are decayed and slowed as `groups` says.
    pub fn with_groups(
        config: OptimizerConfig,
        groups: &GroupsConfig,
        parameters: Vec<(String, Tensor)>,
        depth: impl Fn(&str) -> Option<LayerDepth>,
    ) -> Self {
        let (moments, counts) = (config.moments().len(), config.counts_steps());
        let largest = parameters.iter().map(|(_, p)| p.numel()).max();
        let slots = parameters
            .into_iter()
            .map(|(name, parameter)| {
                let settings = groups.settings(&config, &name, &parameter, depth(&name));
                Slot::new(name, parameter, settings, moments, counts)
            })
            .collect();
        Self {
            config,
            weight_decay: config.weight_decay(),
            slots,
            scratch: Scratch::new(largest.unwrap_or(0)),
        }
    }

    /// Forgets all gradients.
    pub fn zero_grad(&mut self) {
        for slot in &mut self.slots {
            slot.gradient = None;
            slot.parameter.zero_grad();
        }
    }

    /// Adds the gradients of `loss`. Unlike with `loss.backward()`, they are taken over instead of being added to
    /// zeros, and a parameter that the loss does not depend on has none.
    ///
    /// # Errors
    /// [`TrainError::Torch`] from libtorch.
    pub fn backward(&mut self, loss: &Tensor) -> Result<(), TrainError> {
        let mut trained: Vec<&mut Slot> = self
            .slots
            .iter_mut()
            .filter(|slot| slot.parameter.requires_grad())
            .collect();
        let parameters: Vec<&Tensor> = trained.iter().map(|slot| &slot.parameter).collect();
        let gradients = Tensor::f_run_backward(&[loss], &parameters, false, false)?;
        let _guard = tch::no_grad_guard();
        for (slot, gradient) in trained.iter_mut().zip(gradients) {
            if gradient.defined() {
                slot.gradient = Some(match slot.gradient.take() {
                    None => gradient,
                    // Not in place: autograd may have given one tensor to two parameters.
                    Some(sum) => sum.f_add(&gradient)?,
                });
            }
        }
        Ok(())
    }

    /// The norm of all gradients together, parameters without one left out.
    ///
    /// # Errors
    /// [`TrainError::Torch`] from libtorch.
    pub fn gradient_norm(&self) -> Result<f64, TrainError> {
        let _guard = tch::no_grad_guard();
        let gradients: Vec<Tensor> = self.slots.iter().filter_map(Slot::gradient).collect();
        global_norm(&gradients)
    }

    /// Another weight decay from the next update on, for decays that move over a run.
    pub fn set_weight_decay(&mut self, weight_decay: f64) {
        self.weight_decay = weight_decay;
    }

    /// One update with gradients scaled by `gradient_scale` (1, or less to clip). Parameters
    /// without a gradient keep their values and moments.
    ///
    /// # Errors
    /// [`TrainError::Torch`] from libtorch.
    pub fn step(&mut self, learning_rate: f64, gradient_scale: f64) -> Result<(), TrainError> {
        let _guard = tch::no_grad_guard();
        let scale = match self.config {
            OptimizerConfig::Lamb {
                max_gradient_norm, ..
            } if max_gradient_norm > 0.0 => {
                let norm = self.gradient_norm()? * gradient_scale;
                gradient_scale / (norm / max_gradient_norm).max(1.0)
            }
            _ => gradient_scale,
        };
        for slot in &mut self.slots {
            let Some(gradient) = slot.gradient() else {
                if matches!(self.config, OptimizerConfig::Lamb { .. }) {
                    // timm counts for all parameters together.
                    slot.count_step()?;
                }
                continue;
            };
            let mut room = self.scratch.like(&slot.parameter)?;
            let gradient = Scratch::scaled(&gradient, scale, &room)?;
            let weight_decay = if slot.settings.decays {
                self.weight_decay
            } else {
                0.0
            };
            let rate = learning_rate * slot.settings.learning_rate_scale;
            match self.config {
                OptimizerConfig::Sgd {
                    momentum, nesterov, ..
                } => sgd::Sgd {
                    momentum,
                    weight_decay,
                    nesterov,
                }
                .update(slot, &gradient, rate, &room)?,
                OptimizerConfig::AdamW {
                    beta1, beta2, eps, ..
                } => adamw::AdamW {
                    betas: (beta1, beta2),
                    eps,
                    weight_decay,
                }
                .update(slot, &gradient, rate, &mut room)?,
                OptimizerConfig::Lamb {
                    beta1,
                    beta2,
                    eps,
                    bias_correction,
                    trust_clip,
                    always_adapt,
                    ..
                } => lamb::Lamb {
                    betas: (beta1, beta2),
                    eps,
                    weight_decay,
                    bias_correction,
                    trust_clip,
                    always_adapt,
                }
                .update(slot, &gradient, rate, &mut room)?,
            }
        }
        Ok(())
    }

    /// What is remembered of each parameter as `<parameter>.<name>`, by PyTorch's names (`exp_avg`, `step`,
    /// …), sharing memory.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let names = self.config.moments();
        self.slots
            .iter()
            .flat_map(|slot| {
                let moments = names.iter().copied().zip(&slot.moments);
                moments
                    .chain(slot.steps.iter().map(|steps| ("step", steps)))
                    .map(|(name, tensor)| (format!("{}.{name}", slot.name), tensor.shallow_clone()))
            })
            .collect()
    }
}
