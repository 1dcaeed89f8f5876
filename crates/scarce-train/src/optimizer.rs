//! Optimizers whose state is ours to save.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::TrainError;

/// Which optimizer, and its settings. The learning rate comes with each step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// `torch.optim.SGD` without dampening.
    Sgd {
        /// Momentum, 0 for none.
        momentum: f64,
        /// Decay added to the gradient.
        weight_decay: f64,
    },
    /// `torch.optim.AdamW`: decoupled decay, bias correction.
    AdamW {
        /// Decay of the first moment.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// Added to the root of the second moment.
        eps: f64,
        /// Decoupled decay; parameters of at most one dimension (biases, norms) have none.
        weight_decay: f64,
    },
}

/// The parameters under training and their moments.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    slots: Vec<Slot>,
    steps: u64,
}

#[derive(Debug)]
struct Slot {
    name: String,
    parameter: Tensor,
    /// SGD: the momentum buffer. AdamW: the first and the second moment.
    moments: Vec<Tensor>,
}

impl Optimizer {
    /// An optimizer over named parameters, its moments zero.
    pub fn new(config: OptimizerConfig, parameters: Vec<(String, Tensor)>) -> Self {
        let moments = match config {
            OptimizerConfig::Sgd { momentum, .. } => usize::from(momentum != 0.0),
            OptimizerConfig::AdamW { .. } => 2,
        };
        let slots = parameters
            .into_iter()
            .map(|(name, parameter)| {
                let moments = (0..moments)
                    .map(|_| parameter.detach().zeros_like())
                    .collect();
                Slot {
                    name,
                    parameter,
                    moments,
                }
            })
            .collect();
        Self {
            config,
            slots,
            steps: 0,
        }
    }

    /// Forgets all gradients.
    pub fn zero_grad(&mut self) {
        for slot in &mut self.slots {
            slot.parameter.zero_grad();
        }
    }

    /// The norm of all gradients together, parameters without one left out.
    ///
    /// # Errors
    /// [`TrainError::Torch`] from libtorch.
    pub fn gradient_norm(&self) -> Result<f64, TrainError> {
        let mut squares = 0.0;
        for slot in &self.slots {
            let gradient = slot.parameter.grad();
            if gradient.defined() {
                squares += gradient
                    .f_square()?
                    .f_sum(Kind::Double)?
                    .f_double_value(&[])?;
            }
        }
        Ok(squares.sqrt())
    }

    /// One update with gradients scaled by `gradient_scale` (1, or less to clip). Parameters
    /// without a gradient keep their values and moments.
    ///
    /// # Errors
    /// [`TrainError::Torch`] from libtorch.
    pub fn step(&mut self, learning_rate: f64, gradient_scale: f64) -> Result<(), TrainError> {
        let _guard = tch::no_grad_guard();
        self.steps += 1;
        let t = self.steps as f64;
        for slot in &mut self.slots {
            let gradient = slot.parameter.grad();
            if !gradient.defined() {
                continue;
            }
            let gradient = gradient.f_mul_scalar(gradient_scale)?;
            match self.config {
                OptimizerConfig::Sgd {
                    momentum,
                    weight_decay,
                } => {
                    let mut update = gradient + &slot.parameter * weight_decay;
                    if let Some(buffer) = slot.moments.first_mut() {
                        let _ = buffer.f_mul_scalar_(momentum)?.f_add_(&update)?;
                        update = buffer.shallow_clone();
                    }
                    let _ = slot.parameter.f_sub_(&(update * learning_rate))?;
                }
                OptimizerConfig::AdamW {
                    beta1,
                    beta2,
                    eps,
                    weight_decay,
                } => {
                    let [first, second] = &mut slot.moments[..] else {
                        continue;
                    };
                    if slot.parameter.dim() > 1 {
                        let _ = slot
                            .parameter
                            .f_mul_scalar_(1.0 - learning_rate * weight_decay)?;
                    }
                    let _ = first.f_lerp_(&gradient, 1.0 - beta1)?;
                    let _ = second
                        .f_mul_scalar_(beta2)?
                        .f_add_(&(gradient.f_square()? * (1.0 - beta2)))?;
                    let root = second.f_sqrt()? / (1.0 - beta2.powf(t)).sqrt() + eps;
                    let update = &*first / root * (learning_rate / (1.0 - beta1.powf(t)));
                    let _ = slot.parameter.f_sub_(&update)?;
                }
            }
        }
        Ok(())
    }

    /// Updates done so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The moments as `<parameter>.moment<k>`, sharing memory.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        self.slots
            .iter()
            .flat_map(|slot| {
                slot.moments
                    .iter()
                    .enumerate()
                    .map(|(k, m)| (format!("{}.moment{k}", slot.name), m.shallow_clone()))
            })
            .collect()
    }

    /// Sets the count of updates, after the moments were loaded into [`Self::state`].
    pub fn resume_at(&mut self, steps: u64) {
        self.steps = steps;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minimises Σ (w·x − 1)² of fixed w, b over five steps.
    fn run(config: OptimizerConfig) -> Vec<f64> {
        let weight = Tensor::from_slice(&[0.5f64, -1.0, 2.0, 0.25])
            .view([2, 2])
            .set_requires_grad(true);
        let bias = Tensor::from_slice(&[0.1f64, -0.2]).set_requires_grad(true);
        let input = Tensor::from_slice(&[1.0f64, 2.0, -1.0, 0.5, 0.0, 1.5]).view([3, 2]);
        let mut optimizer = Optimizer::new(
            config,
            vec![
                ("w".to_owned(), weight.shallow_clone()),
                ("b".to_owned(), bias.shallow_clone()),
            ],
        );
        for _ in 0..5 {
            optimizer.zero_grad();
            let loss = (input.matmul(&weight) + &bias - 1.0)
                .square()
                .sum(Kind::Double);
            loss.backward();
            optimizer.step(0.05, 1.0).unwrap();
        }
        let mut values = Vec::<f64>::try_from(weight.detach().view([-1])).unwrap();
        values.extend(Vec::<f64>::try_from(bias.detach()).unwrap());
        values
    }

    /// ```python
    /// import numpy as np
    /// x = np.array([[1, 2], [-1, .5], [0, 1.5]])
    /// def run(kind, steps=5, lr=.05):
    ///     p = [np.array([[.5, -1], [2, .25]]), np.array([.1, -.2])]
    ///     m = [np.zeros_like(a) for a in p]; v = [np.zeros_like(a) for a in p]
    ///     for t in range(1, steps + 1):
    ///         r = 2 * (x @ p[0] + p[1] - 1)
    ///         for i, g in enumerate([x.T @ r, r.sum(0)]):
    ///             if kind == "sgd":
    ///                 m[i] = .9 * m[i] + g + .01 * p[i]
    ///                 p[i] = p[i] - lr * m[i]
    ///             else:
    ///                 if p[i].ndim > 1: p[i] = p[i] * (1 - lr * .1)
    ///                 m[i] = .9 * m[i] + .1 * g; v[i] = .99 * v[i] + .01 * g * g
    ///                 p[i] = p[i] - lr * (m[i] / (1 - .9**t)) / (np.sqrt(v[i] / (1 - .99**t)) + 1e-8)
    ///     return np.concatenate([p[0].ravel(), p[1]])
    /// print(run("sgd"), run("adamw"))
    /// ```
    #[test]
    fn equals_the_reference_update() {
        let cases = [
            (
                OptimizerConfig::Sgd {
                    momentum: 0.9,
                    weight_decay: 0.01,
                },
                SGD,
            ),
            (
                OptimizerConfig::AdamW {
                    beta1: 0.9,
                    beta2: 0.99,
                    eps: 1e-8,
                    weight_decay: 0.1,
                },
                ADAMW,
            ),
        ];
        for (config, expected) in cases {
            for (got, expected) in run(config).iter().zip(expected) {
                assert!(
                    (got - expected).abs() < 1e-9,
                    "{config:?}: {got} against {expected}"
                );
            }
        }
    }

    const SGD: [f64; 6] = [
        -1.0488626246,
        -0.446059407333,
        1.50785276569,
        0.436871161355,
        0.647121886832,
        -0.334704845715,
    ];

    const ADAMW: [f64; 6] = [
        0.241428892483,
        -0.732266048638,
        1.70497596586,
        0.485646877913,
        -0.147654208143,
        0.0439355165181,
    ];
}
