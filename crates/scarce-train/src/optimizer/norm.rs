//! The norm of many tensors together, and clipping to it.

use tch::{Kind, Tensor};

use crate::TrainError;

/// The Euclidean norm of all tensors as one vector, in f64; the device is waited for once.
///
/// # Errors
/// [`TrainError::Torch`] from libtorch.
pub(super) fn global_norm(tensors: &[Tensor]) -> Result<f64, TrainError> {
    if tensors.is_empty() {
        return Ok(0.0);
    }
    let norms = tensors
        .iter()
        .map(|tensor| tensor.f_norm()?.f_to_kind(Kind::Double))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Tensor::f_stack(&norms, 0)?.f_norm()?.f_double_value(&[])?)
}

/// What gradients are multiplied by so that their norm is at most `limit`; 1 where it is already, or where
/// `limit` is 0. As `torch.nn.utils.clip_grad_norm_`, with its 1e-6.
pub(crate) fn clip_scale(norm: f64, limit: f64) -> f64 {
    if limit > 0.0 {
        (limit / (norm + 1e-6)).min(1.0)
    } else {
        1.0
    }
}

/// A tensor of no dimension beside `like`: in-place operations then need no temporary of full size.
pub(super) fn scalar_like(value: f64, like: &Tensor) -> Result<Tensor, TrainError> {
    Ok(Tensor::f_full(
        [0i64; 0],
        value,
        (like.kind(), like.device()),
    )?)
}
