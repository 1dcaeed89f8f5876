//! A parameter with what the optimizer remembers of it.

use tch::{Device, Kind, Tensor};

use super::ParameterSettings;
use crate::TrainError;

#[derive(Debug)]
pub(super) struct Slot {
    pub name: String,
    pub parameter: Tensor,
    pub settings: ParameterSettings,
    /// From [`super::Optimizer::backward`].
    pub gradient: Option<Tensor>,
    /// SGD: the momentum buffer. AdamW and LAMB: the first and the second moment.
    pub moments: Vec<Tensor>,
    /// Updates so far, as PyTorch counts them: for each parameter, since one without a gradient has none.
    pub steps: Option<Tensor>,
}

impl Slot {
    pub(super) fn new(
        name: String,
        parameter: Tensor,
        settings: ParameterSettings,
        moments: usize,
        counts_steps: bool,
    ) -> Self {
        let moments = (0..moments)
            .map(|_| parameter.detach().zeros_like())
            .collect();
        let zero = || Tensor::zeros([0i64; 0], (Kind::Int64, Device::Cpu));
        Self {
            name,
            parameter,
            settings,
            gradient: None,
            moments,
            steps: counts_steps.then(zero),
        }
    }

    /// The gradient that was taken over, or the one that `backward` left at the parameter.
    pub(super) fn gradient(&self) -> Option<Tensor> {
        match &self.gradient {
            Some(gradient) => Some(gradient.shallow_clone()),
            None => Some(self.parameter.grad()).filter(Tensor::defined),
        }
    }

    /// Counts one more update and gives its number, from 1.
    pub(super) fn count_step(&mut self) -> Result<f64, TrainError> {
        let Some(steps) = &mut self.steps else {
            return Ok(1.0);
        };
        let _ = steps.f_add_scalar_(1)?;
        Ok(steps.f_double_value(&[])?)
    }
}
