//! `torch.optim.SGD`'s update.

use tch::Tensor;

use super::norm::scalar_like;
use super::slot::Slot;
use crate::TrainError;

/// g ← g + decay·p; b ← momentum·b + g; p ← p − lr·b, or p − lr·(g + momentum·b) with Nesterov's.
pub(super) fn update(
    slot: &mut Slot,
    gradient: &Tensor,
    learning_rate: f64,
    (momentum, weight_decay, nesterov): (f64, f64, bool),
) -> Result<(), TrainError> {
    let parameter = &mut slot.parameter;
    let gradient = if weight_decay == 0.0 {
        gradient.shallow_clone()
    } else {
        parameter.f_mul_scalar(weight_decay)?.f_add_(gradient)?
    };
    let rate = scalar_like(-learning_rate, parameter)?;
    let Some(buffer) = slot.moments.first_mut() else {
        let _ = parameter.f_addcmul_(&gradient, &rate)?;
        return Ok(());
    };
    let _ = buffer.f_mul_scalar_(momentum)?.f_add_(&gradient)?;
    let _ = if nesterov {
        let ahead = buffer.f_mul_scalar(momentum)?.f_add_(&gradient)?;
        parameter.f_addcmul_(&ahead, &rate)?
    } else {
        parameter.f_addcmul_(buffer, &rate)?
    };
    Ok(())
}
