//! Squeeze and excitation by what is visible.

use tch::Tensor;
use tch::nn::{Linear, Path};

use scarce_train::pytorch_init::linear;

use super::Features;
use super::features::VisibleCells;
use crate::MimError;

/// Scales channels by what a sample's visible cells hold on average (Hu et al. 2018); averaged over hidden ones as
/// well, the zeros there would tell how much is hidden.
#[derive(Debug)]
pub struct SqueezeExcite {
    reduce: Linear,
    expand: Linear,
}

impl SqueezeExcite {
    /// `channels` squeezed to `squeezed`, the layers under timm's names `fc1` and `fc2`.
    pub fn new(path: &Path<'_>, channels: i64, squeezed: i64) -> Self {
        Self {
            reduce: linear(&(path / "fc1"), channels, squeezed),
            expand: linear(&(path / "fc2"), squeezed, channels),
        }
    }

    /// Scales a map.
    ///
    /// # Errors
    /// [`MimError::Torch`] when the channels do not fit.
    pub fn forward<'a>(&self, input: Features<'a>) -> Result<Features<'a>, MimError> {
        match input {
            Features::Dense(map) => {
                let over: Vec<i64> = (2..map.dim() as i64).collect();
                let scale = self.excite(&map.f_mean_dim(over.as_slice(), false, None)?);
                let mut shape = scale.size();
                shape.resize(map.dim(), 1);
                Ok(Features::Dense(
                    map.f_mul(&scale.f_view(shape.as_slice())?)?,
                ))
            }
            Features::Traced(_) => Err(MimError::NotInGraph {
                layer: "squeeze and excitation",
            }),
            Features::Visible(cells) => {
                let scale = self.excite(&cells.mean_of_sample(&cells.rows)?);
                let rows = cells
                    .rows
                    .f_mul(&scale.f_index_select(0, &cells.level.sample)?)?;
                Ok(Features::Visible(VisibleCells { rows, ..cells }))
            }
        }
    }

    fn excite(&self, mean: &Tensor) -> Tensor {
        mean.apply(&self.reduce)
            .relu()
            .apply(&self.expand)
            .sigmoid()
    }
}
