//! Voxels of which a branch is sure.

use tch::Tensor;

use crate::CornError;

/// Where the likeliest class of `(batch, class, …)` has at least the probability `threshold`: `(batch, …)`.
///
/// # Errors
/// [`CornError::Torch`] from libtorch.
pub fn above_threshold(probabilities: &Tensor, threshold: f64) -> Result<Tensor, CornError> {
    Ok(probabilities
        .f_amax([1i64].as_slice(), false)?
        .f_ge(threshold)?)
}
