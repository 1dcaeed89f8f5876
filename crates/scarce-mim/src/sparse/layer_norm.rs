//! Layer normalisation over the channels of each cell.

use scarce_train::interchange::onnx::Attribute;
use tch::Tensor;
use tch::nn::Path;

use super::Features;
use crate::MimError;

/// Layer normalisation over the channels of each visible cell (timm's `LayerNorm2d`).
#[derive(Debug)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
}

impl LayerNorm {
    /// With γ = 1, β = 0.
    pub fn new(path: &Path<'_>, channels: i64, eps: f64) -> Self {
        Self {
            weight: path.ones("weight", &[channels]),
            bias: path.zeros("bias", &[channels]),
            eps,
        }
    }

    /// Normalises a map.
    ///
    /// # Errors
    /// [`MimError::Torch`] when the channels do not fit.
    pub fn forward<'a>(&self, input: Features<'a>) -> Result<Features<'a>, MimError> {
        match &input {
            Features::Traced(traced) => {
                let parts = [&self.weight, &self.bias];
                let eps = ("epsilon", Attribute::Float(self.eps as f32));
                let attributes = [("axis", Attribute::Int(-1)), eps];
                let normed =
                    traced.channels_last(|x| x.node("LayerNormalization", &parts, &attributes))?;
                Ok(Features::Traced(normed))
            }
            _ => input.each_cell(|cells| self.of_cells(cells)),
        }
    }

    /// Normalises over the last axis.
    pub(crate) fn of_cells(&self, cells: &Tensor) -> Result<Tensor, MimError> {
        let (weight, bias) = (Some(&self.weight), Some(&self.bias));
        Ok(cells.f_layer_norm(self.weight.size(), weight, bias, self.eps, true)?)
    }
}
