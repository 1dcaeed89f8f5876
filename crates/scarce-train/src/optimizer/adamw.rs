//! `torch.optim.AdamW`'s update.

use tch::Tensor;

use super::slot::Slot;
use crate::TrainError;

/// The settings of one update.
pub(super) struct AdamW {
    pub betas: (f64, f64),
    pub eps: f64,
    pub weight_decay: f64,
}

impl AdamW {
    /// p ← p·(1 − lr·decay); m, v ← moments; p ← p − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε). What is on the
    /// way is kept in `room`, which may hold the gradient.
    pub(super) fn update(
        &self,
        slot: &mut Slot,
        gradient: &Tensor,
        learning_rate: f64,
        room: &mut Tensor,
    ) -> Result<(), TrainError> {
        let t = slot.count_step()?;
        let [first, second] = &mut slot.moments[..] else {
            return Ok(());
        };
        let (beta1, beta2) = self.betas;
        let _ = first.f_lerp_(gradient, 1.0 - beta1)?;
        let _ = second.f_lerp_(&gradient.f_mul_out(room, gradient)?, 1.0 - beta2)?;
        if learning_rate == 0.0 {
            // Below, the rate is divided by.
            return Ok(());
        }
        if self.weight_decay != 0.0 {
            let _ = slot
                .parameter
                .f_mul_scalar_(1.0 - learning_rate * self.weight_decay)?;
        }
        // The rate goes into the divisor, so that one pass adds the quotient in place.
        let divide = -(1.0 - beta1.powf(t)) / learning_rate;
        let mut divisor = second.f_sqrt_out(room)?;
        let _ = divisor
            .f_mul_scalar_(divide / (1.0 - beta2.powf(t)).sqrt())?
            .f_add_scalar_(divide * self.eps)?;
        let _ = slot.parameter.f_addcdiv_(first, &divisor)?;
        Ok(())
    }
}
