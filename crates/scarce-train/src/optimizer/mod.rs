//! Optimizers whose state is ours to save.
//!
//! Updates are PyTorch's and timm's: libtorch's own fused kernels for AdamW and SGD, timm's order of operations for
//! LAMB ([`crate::native::optimizers`]).

mod clip;
mod config;
#[cfg(test)]
mod goldens;
mod gradients;
mod groups;
mod lamb;
mod scratch;
mod slot;
mod together;

use tch::Tensor;

use crate::TrainError;
use crate::native::optimizers;
pub(crate) use clip::clip_scale;
pub use config::OptimizerConfig;
pub use groups::{GroupsConfig, LayerDepth, ParameterSettings};
use lamb::Lamb;
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
        let gradients: Vec<Tensor> = self.slots.iter().filter_map(Slot::gradient).collect();
        Ok(optimizers::global_norm(&gradients)?)
    }

    /// Another weight decay from the next update on, for decays that move over a run.
    pub fn set_weight_decay(&mut self, weight_decay: f64) {
        self.weight_decay = weight_decay;
    }

    /// One update with gradients scaled by `gradient_scale` (1, or less to clip), in place as
    /// `torch.nn.utils.clip_grad_norm_` does. Parameters without a gradient keep their values and moments.
    ///
    /// # Errors
    /// [`TrainError::Native`] from libtorch, such as for a parameter that has gaps in memory.
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
        let gradients = gradients::scaled(&self.slots, scale)?;
        let (slots, weight_decay) = (&mut self.slots, self.weight_decay);
        match self.config {
            OptimizerConfig::Sgd {
                momentum, nesterov, ..
            } => {
                for (alike, updated) in
                    together::gather(slots, gradients, learning_rate, weight_decay)?
                {
                    let settings = optimizers::Sgd {
                        learning_rate: alike.learning_rate,
                        momentum,
                        weight_decay: alike.weight_decay,
                        nesterov,
                    };
                    optimizers::sgd(&updated, settings)?;
                }
            }
            OptimizerConfig::AdamW {
                beta1, beta2, eps, ..
            } => {
                for (alike, updated) in
                    together::gather(slots, gradients, learning_rate, weight_decay)?
                {
                    let settings = optimizers::AdamW {
                        step: alike.step,
                        learning_rate: alike.learning_rate,
                        betas: (beta1, beta2),
                        eps,
                        weight_decay: alike.weight_decay,
                    };
                    optimizers::adamw(&updated, settings)?;
                }
            }
            OptimizerConfig::Lamb {
                beta1,
                beta2,
                eps,
                bias_correction,
                trust_clip,
                always_adapt,
                ..
            } => {
                let lamb = Lamb {
                    learning_rate,
                    betas: (beta1, beta2),
                    eps,
                    weight_decay,
                    bias_correction,
                    trust_clip,
                    always_adapt,
                };
                for (slot, gradient) in slots.iter_mut().zip(&gradients) {
                    lamb.update(slot, gradient.as_ref(), &mut self.scratch)?;
                }
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
