//! Clipping to a norm.

/// What gradients are multiplied by so that their norm is at most `limit`; 1 where it is already, or where
/// `limit` is 0. As `torch.nn.utils.clip_grad_norm_`, with its 1e-6.
pub(crate) fn clip_scale(norm: f64, limit: f64) -> f64 {
    if limit > 0.0 {
        (limit / (norm + 1e-6)).min(1.0)
    } else {
        1.0
    }
}
