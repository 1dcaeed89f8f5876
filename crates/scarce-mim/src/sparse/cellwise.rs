//! What is done to each cell by itself, channels last.

use tch::Tensor;

use super::Features;
use crate::MimError;

impl Features<'_> {
    /// Changed by `f`, which gets cells with channels last: `(batch, side…, channel)` or `(cell, channel)`.
    ///
    /// # Errors
    /// Those of `f`.
    pub fn each_cell(
        self,
        f: impl FnOnce(&Tensor) -> Result<Tensor, MimError>,
    ) -> Result<Self, MimError> {
        match self {
            Self::Visible(_) | Self::Traced(_) => self.each(f),
            Self::Dense(map) => {
                let axes = map.dim() as i64;
                let inward: Vec<i64> = [0].into_iter().chain(2..axes).chain([1]).collect();
                let outward: Vec<i64> = [0, axes - 1].into_iter().chain(1..axes - 1).collect();
                let changed = f(&map.f_permute(&inward)?)?;
                Ok(Self::Dense(changed.f_permute(&outward)?))
            }
        }
    }

    /// A linear layer on each cell: `weight` is `(out, in)`.
    ///
    /// # Errors
    /// [`MimError::Torch`] when the channels do not fit.
    pub fn linear(self, weight: &Tensor, bias: &Tensor) -> Result<Self, MimError> {
        match self {
            Self::Traced(traced) => {
                let mut shape = weight.size();
                shape.resize(2 + traced.dimensions(), 1);
                let kernel = weight.f_view(shape.as_slice())?;
                let attributes = traced.windows(1, 1, 0);
                Ok(Self::Traced(traced.node(
                    "Conv",
                    &[&kernel, bias],
                    &attributes,
                )?))
            }
            _ => self.each_cell(|cells| Ok(cells.f_linear(weight, Some(bias))?)),
        }
    }

    /// GELU by the error function.
    ///
    /// # Errors
    /// [`MimError::Torch`] from libtorch.
    pub fn gelu(self) -> Result<Self, MimError> {
        match self {
            Self::Traced(x) => {
                let number = |value: f64| Tensor::from(value as f32);
                let share = x
                    .node("Mul", &[&number(std::f64::consts::FRAC_1_SQRT_2)], &[])?
                    .node("Erf", &[], &[])?
                    .node("Add", &[&number(1.0)], &[])?
                    .node("Mul", &[&number(0.5)], &[])?;
                Ok(Self::Traced(x.with("Mul", &share)))
            }
            _ => self.each(|values| values.f_gelu("none")),
        }
    }

    /// Each channel multiplied by its number.
    ///
    /// # Errors
    /// [`MimError::Torch`] when the channels do not fit.
    pub fn scaled(self, scale: &Tensor) -> Result<Self, MimError> {
        match self {
            Self::Traced(traced) => {
                let scale = traced.along_channels(scale)?;
                Ok(Self::Traced(traced.node("Mul", &[&scale], &[])?))
            }
            _ => self.each_cell(|cells| Ok(cells.f_mul(scale)?)),
        }
    }
}
