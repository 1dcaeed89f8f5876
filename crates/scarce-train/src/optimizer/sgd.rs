//! `torch.optim.SGD`'s update.

use tch::Tensor;

use super::norm::scalar_like;
use super::slot::Slot;
use crate::TrainError;

/// g ← g + decay·p; b ← momentum·b + g; p ← p − lr·b, or p − lr·(g + momentum·b) with Nesterov's.
pub(super) fn update(
    slot: &mut Slot,
    gradient: &mut Tensor,
    learning_rate: f64,
    (momentum, weight_decay, nesterov): (f64, f64, bool),
) -> Result<(), TrainError> {
    let parameter = &mut slot.parameter;
    if weight_decay != 0.0 {
        let decay = scalar_like(weight_decay, parameter)?;
        let _ = gradient.f_addcmul_(parameter, &decay)?;
    }
    let rate = scalar_like(-learning_rate, parameter)?;
    let Some(buffer) = slot.moments.first_mut() else {
        let _ = parameter.f_addcmul_(gradient, &rate)?;
        return Ok(());
    };
    let _ = buffer.f_mul_scalar_(momentum)?.f_add_(gradient)?;
    let _ = if nesterov {
        let ahead = scalar_like(momentum, buffer)?;
        let _ = gradient.f_addcmul_(buffer, &ahead)?;
        parameter.f_addcmul_(gradient, &rate)?
    } else {
        parameter.f_addcmul_(buffer, &rate)?
    };
    Ok(())
}
