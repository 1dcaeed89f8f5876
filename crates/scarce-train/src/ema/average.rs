//! A moving average of a training's weights, kept beside them.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::ema_decay;
use crate::TrainError;

/// What becomes of what is no parameter: batch-norm statistics, and weights that are not trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BufferPolicy {
    /// Copied: they are averages already, and a lag would describe neither network (timm's `ModelEmaV2`
    /// averages them, PyTorch's `AveragedModel` and UA-MT do not).
    #[default]
    Copy,
    /// Averaged like parameters, where they are floats.
    Average,
}

/// An average of the weights, kept beside them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmaConfig {
    /// How much of the average stays at each step: 0 is a copy, 1 never moves.
    pub decay: f64,
    /// Whether early steps have less, min(1 − 1/(t + 1), `decay`), so that the random start is forgotten.
    pub warm_up: bool,
    /// What becomes of buffers.
    pub buffers: BufferPolicy,
}

impl Default for EmaConfig {
    fn default() -> Self {
        Self {
            decay: 0.999,
            warm_up: true,
            buffers: BufferPolicy::Copy,
        }
    }
}

/// A moving average of named tensors.
#[derive(Debug)]
pub struct Ema {
    config: EmaConfig,
    averages: Vec<(String, Tensor)>,
}

impl Ema {
    /// An average that starts as a copy of `weights`.
    pub fn new(config: EmaConfig, weights: &[(String, Tensor)]) -> Self {
        let averages = weights
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.detach().copy()))
            .collect();
        Self { config, averages }
    }

    /// Moves the average towards `weights`, which are those it was made of. `updates` counts from 0.
    ///
    /// # Errors
    /// [`TrainError::Torch`] from libtorch.
    pub fn update(&mut self, weights: &[(String, Tensor)], updates: u64) -> Result<(), TrainError> {
        let _guard = tch::no_grad_guard();
        let decay = if self.config.warm_up {
            ema_decay(updates, self.config.decay)
        } else {
            self.config.decay
        };
        for ((_, average), (_, weight)) in self.averages.iter_mut().zip(weights) {
            let averaged = weight.requires_grad() || self.config.buffers == BufferPolicy::Average;
            if averaged && weight.is_floating_point() {
                let _ = average.f_lerp_(weight, 1.0 - decay)?;
            } else {
                average.f_copy_(weight)?;
            }
        }
        Ok(())
    }

    /// The averages, sharing memory.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        self.averages
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
            .collect()
    }

    /// Exchanges the averages with `weights`; a second call exchanges them back.
    ///
    /// # Errors
    /// [`TrainError::Torch`] from libtorch.
    pub fn swap(&mut self, weights: &[(String, Tensor)]) -> Result<(), TrainError> {
        let _guard = tch::no_grad_guard();
        for ((_, average), (_, weight)) in self.averages.iter_mut().zip(weights) {
            let kept = average.copy();
            average.f_copy_(weight)?;
            weight.shallow_clone().f_copy_(&kept)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn weights(value: f64) -> Vec<(String, Tensor)> {
        let full = |value| Tensor::full([2], value, (Kind::Float, Device::Cpu));
        vec![
            ("w".to_owned(), full(value).set_requires_grad(true)),
            ("running_mean".to_owned(), full(value)),
            ("count".to_owned(), full(value).to_kind(Kind::Int64)),
        ]
    }

    #[test]
    fn parameters_are_averaged_and_buffers_as_stated() {
        use BufferPolicy::{Average, Copy};
        for (decay, warm_up, updates, buffers, expected) in [
            (0.75, false, 0, Copy, [1.5, 3.0, 3.0]),
            (0.75, false, 0, Average, [1.5, 1.5, 3.0]),
            (0.0, false, 9, Average, [3.0, 3.0, 3.0]),
            (1.0, false, 9, Average, [1.0, 1.0, 3.0]),
            (0.75, true, 0, Average, [3.0, 3.0, 3.0]),
            (0.75, true, 1, Average, [2.0, 2.0, 3.0]),
            (0.75, true, 99, Average, [1.5, 1.5, 3.0]),
        ] {
            let config = EmaConfig {
                decay,
                warm_up,
                buffers,
            };
            let mut ema = Ema::new(config, &weights(1.0));
            ema.update(&weights(3.0), updates).unwrap();
            let got: Vec<f64> = ema
                .state()
                .iter()
                .map(|(_, t)| t.double_value(&[1]))
                .collect();
            assert_eq!(got, expected, "{config:?} after {updates}");
        }
    }

    #[test]
    fn swapped_twice_is_unchanged() {
        let student = weights(3.0);
        let mut ema = Ema::new(EmaConfig::default(), &weights(1.0));
        ema.swap(&student).unwrap();
        assert_eq!(student[0].1.double_value(&[0]), 1.0);
        assert_eq!(ema.state()[0].1.double_value(&[0]), 3.0);
        ema.swap(&student).unwrap();
        assert_eq!(student[0].1.double_value(&[0]), 3.0);
    }
}
