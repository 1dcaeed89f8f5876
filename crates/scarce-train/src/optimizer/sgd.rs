//! `torch.optim.SGD`'s update.

use tch::Tensor;

use super::norm::scalar_like;
use super::slot::Slot;
use crate::TrainError;

/// The settings of one update.
pub(super) struct Sgd {
    pub momentum: f64,
    pub weight_decay: f64,
    pub nesterov: bool,
}

impl Sgd {
    /// g ← g + decay·p; b ← momentum·b + g; p ← p − lr·b, or p − lr·(g + momentum·b) with Nesterov's. What is
    /// on the way is kept in `room`, which may hold the gradient.
    pub(super) fn update(
        &self,
        slot: &mut Slot,
        gradient: &Tensor,
        learning_rate: f64,
        room: &Tensor,
    ) -> Result<(), TrainError> {
        let parameter = &mut slot.parameter;
        let gradient = if self.weight_decay == 0.0 {
            gradient.shallow_clone()
        } else {
            let decay = scalar_like(self.weight_decay, parameter)?;
            gradient.f_addcmul_out(room, parameter, &decay)?
        };
        let rate = scalar_like(-learning_rate, parameter)?;
        let Some(buffer) = slot.moments.first_mut() else {
            let _ = parameter.f_addcmul_(&gradient, &rate)?;
            return Ok(());
        };
        let _ = buffer.f_mul_scalar_(self.momentum)?.f_add_(&gradient)?;
        let _ = if self.nesterov {
            let ahead = scalar_like(self.momentum, buffer)?;
            let step = gradient.f_addcmul_out(room, buffer, &ahead)?;
            parameter.f_addcmul_(&step, &rate)?
        } else {
            parameter.f_addcmul_(buffer, &rate)?
        };
        Ok(())
    }
}
