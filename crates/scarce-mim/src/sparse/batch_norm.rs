//! Batch normalisation over visible cells.

use scarce_train::interchange::onnx::Attribute;
use tch::nn::{Init, Path};
use tch::{TchError, Tensor};

use super::Features;
use crate::MimError;

/// Batch normalisation over visible cells, for statistics and running statistics alike. Variables are named as
/// PyTorch names them.
#[derive(Debug)]
pub struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
}

const EPS: f64 = 1e-5;
const MOMENTUM: f64 = 0.1;

impl BatchNorm {
    /// With γ = `weight`, β = 0.
    pub fn new(path: &Path<'_>, channels: i64, weight: f64) -> Self {
        let shape = [channels];
        Self {
            weight: path.var("weight", &shape, Init::Const(weight)),
            bias: path.zeros("bias", &shape),
            running_mean: path.zeros_no_train("running_mean", &shape),
            running_var: path.ones_no_train("running_var", &shape),
        }
    }

    /// Normalises a map; `train` takes the batch's statistics and moves the running ones.
    ///
    /// # Errors
    /// [`MimError::Visible`] in training for fewer than two visible cells.
    pub fn forward<'a>(&self, input: Features<'a>, train: bool) -> Result<Features<'a>, MimError> {
        if let Features::Traced(traced) = &input {
            let parts = [
                &self.weight,
                &self.bias,
                &self.running_mean,
                &self.running_var,
            ];
            let eps = [("epsilon", Attribute::Float(EPS as f32))];
            return Ok(Features::Traced(traced.node(
                "BatchNormalization",
                &parts,
                &eps,
            )?));
        }
        let values = input.values()?;
        let channels = values.size().get(1).copied().unwrap_or(1).max(1);
        let cells = values.numel() as i64 / channels;
        if train && cells < 2 {
            return Err(MimError::Visible { visible: cells });
        }
        if cells == 0 {
            return Ok(input);
        }
        input.each(|values| self.dense(values, train))
    }

    /// Normalises a map of which everything is visible, `(n, channel, side…)`.
    pub(crate) fn dense(&self, values: &Tensor, train: bool) -> Result<Tensor, TchError> {
        values.f_batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            Some(&self.running_mean),
            Some(&self.running_var),
            train,
            MOMENTUM,
            EPS,
            true,
        )
    }
}
