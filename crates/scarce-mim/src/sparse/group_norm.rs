//! Group and instance normalisation over visible cells.

use scarce_train::interchange::onnx::Attribute;
use tch::nn::Path;
use tch::{Kind, Tensor};

use super::Features;
use super::features::VisibleCells;
use crate::MimError;

/// Normalisation of each sample's channel groups over its visible cells; as many groups as channels is instance
/// normalisation.
#[derive(Debug)]
pub struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    groups: i64,
}

const EPS: f64 = 1e-5;

impl GroupNorm {
    /// With γ = 1, β = 0.
    pub fn new(path: &Path<'_>, channels: i64, groups: i64) -> Self {
        Self {
            weight: path.ones("weight", &[channels]),
            bias: path.zeros("bias", &[channels]),
            groups,
        }
    }

    /// Normalises a map.
    ///
    /// # Errors
    /// [`MimError::Torch`] when the channels do not fit.
    pub fn forward<'a>(&self, input: Features<'a>) -> Result<Features<'a>, MimError> {
        match input {
            Features::Dense(map) => {
                let (weight, bias) = (Some(&self.weight), Some(&self.bias));
                let normed = map.f_group_norm(self.groups, weight, bias, EPS, true)?;
                Ok(Features::Dense(normed))
            }
            Features::Traced(traced) if self.groups == self.weight.size()[0] => {
                let parts = [&self.weight, &self.bias];
                let eps = [("epsilon", Attribute::Float(EPS as f32))];
                let normed = traced.node("InstanceNormalization", &parts, &eps)?;
                Ok(Features::Traced(normed))
            }
            Features::Traced(_) => Err(MimError::NotInGraph {
                layer: "group normalisation",
            }),
            Features::Visible(cells) => {
                let rows = self.of_visible(&cells)?;
                Ok(Features::Visible(VisibleCells { rows, ..cells }))
            }
        }
    }

    fn of_visible(&self, cells: &VisibleCells<'_>) -> Result<Tensor, MimError> {
        let (count, channels) = cells.rows.size2()?;
        let grouped = cells
            .rows
            .f_view([count, self.groups, channels / self.groups])?;
        let mean = cells.mean_of_sample(&grouped.f_mean_dim([2i64].as_slice(), false, None)?)?;
        let spread_out = |of_sample: &Tensor| -> Result<Tensor, MimError> {
            let of_cell = of_sample.f_index_select(0, &cells.level.sample)?;
            Ok(of_cell.f_unsqueeze(2)?)
        };
        // About the mean, not as a difference of squares, which cancels.
        let centred = grouped.f_sub(&spread_out(&mean)?)?;
        let squares = centred.f_square()?;
        let variance =
            cells.mean_of_sample(&squares.f_mean_dim([2i64].as_slice(), false, None)?)?;
        let scale = variance.f_add_scalar(EPS)?.f_rsqrt()?;
        let normed = centred
            .f_mul(&spread_out(&scale)?)?
            .f_view([count, channels])?;
        Ok(normed.f_mul(&self.weight)?.f_add(&self.bias)?)
    }
}

impl VisibleCells<'_> {
    /// Means over each sample's visible cells of `values`, `(cell, k)`: `(batch, k)`, 0 for a sample without any.
    pub(super) fn mean_of_sample(&self, values: &Tensor) -> Result<Tensor, MimError> {
        let options = (values.kind(), values.device());
        let zeros = Tensor::f_zeros([self.level.batch(), values.size()[1]], options)?;
        let sums = zeros.f_index_add(0, &self.level.sample, values)?;
        let counts = self
            .level
            .mask
            .f_flatten(1, -1)?
            .f_sum_dim_intlist([1i64].as_slice(), true, Kind::Float)?
            .f_clamp_min(1.0)?;
        Ok(sums.f_div(&counts.f_to_kind(values.kind())?)?)
    }
}
