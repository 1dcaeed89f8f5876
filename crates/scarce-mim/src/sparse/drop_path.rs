//! Stochastic depth.

use tch::{Kind, Tensor};

use super::Features;
use super::features::{NO_VALUES, VisibleCells};
use crate::MimError;

/// In training, a branch left out for a sample with chance `rate`, and scaled to keep its mean where it stays
/// (Huang et al. 2016). Draws from libtorch's generator.
///
/// # Errors
/// [`MimError::Torch`] from libtorch.
pub fn drop_path(branch: Features<'_>, rate: f64, train: bool) -> Result<Features<'_>, MimError> {
    if rate <= 0.0 || !train {
        return Ok(branch);
    }
    let draw = |batch: i64, like: &Tensor| -> Result<Tensor, MimError> {
        let chances = Tensor::f_rand([batch], (Kind::Float, like.device()))?;
        let kept = chances.f_ge(rate)?.f_to_kind(like.kind())?;
        Ok(kept.f_div_scalar(1.0 - rate)?)
    };
    match branch {
        Features::Dense(map) => {
            let mut shape = vec![1; map.dim()];
            shape[0] = map.size()[0];
            let kept = draw(shape[0], &map)?.f_view(shape.as_slice())?;
            Ok(Features::Dense(map.f_mul(&kept)?))
        }
        Features::Traced(_) => Err(NO_VALUES),
        Features::Visible(cells) => {
            let kept = draw(cells.level.batch(), &cells.rows)?
                .f_index_select(0, &cells.level.sample)?
                .f_unsqueeze(1)?;
            let rows = cells.rows.f_mul(&kept)?;
            Ok(Features::Visible(VisibleCells { rows, ..cells }))
        }
    }
}
