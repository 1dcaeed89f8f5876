//! timm's `Lamb`'s update (`NvLamb`), and so SparK's.

use tch::Tensor;

use super::norm::scalar_like;
use super::slot::Slot;
use crate::TrainError;

/// The settings of one update.
pub(super) struct Lamb {
    pub betas: (f64, f64),
    pub eps: f64,
    pub weight_decay: f64,
    pub bias_correction: bool,
    pub trust_clip: bool,
    pub always_adapt: bool,
}

impl Lamb {
    /// u = m̂ / (√v̂ + ε) + decay·p; p ← p − lr · ‖p‖/‖u‖ · u, where the ratio is 1 if either norm is 0.
    /// Parameters without decay have no ratio unless `always_adapt`. What is on the way is kept in `room`, which
    /// may hold the gradient.
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
        let (correction1, correction2) = if self.bias_correction {
            (1.0 - beta1.powf(t), 1.0 - beta2.powf(t))
        } else {
            (1.0, 1.0)
        };
        let mut update = second.f_sqrt_out(room)?;
        let _ = update
            .f_mul_scalar_(correction1 / correction2.sqrt())?
            .f_add_scalar_(correction1 * self.eps)?
            .f_reciprocal_()?
            .f_mul_(first)?;
        let parameter = &mut slot.parameter;
        let mut rate = scalar_like(-learning_rate, parameter)?;
        if self.weight_decay != 0.0 {
            let decay = scalar_like(self.weight_decay, parameter)?;
            let _ = update.f_addcmul_(parameter, &decay)?;
        }
        if self.weight_decay != 0.0 || self.always_adapt {
            rate = rate.f_mul(&self.trust_ratio(&parameter.f_norm()?, &update.f_norm()?)?)?;
        }
        let _ = parameter.f_addcmul_(&update, &rate)?;
        Ok(())
    }

    /// On the device, so that nothing waits for it.
    fn trust_ratio(&self, of_parameter: &Tensor, of_update: &Tensor) -> Result<Tensor, TrainError> {
        let usable = of_parameter
            .f_gt(0.0)?
            .f_logical_and(&of_update.f_gt(0.0)?)?;
        let ratio = of_parameter.f_div(of_update)?;
        let ratio = ratio.f_where_self(&usable, &ratio.f_ones_like()?)?;
        Ok(if self.trust_clip {
            ratio.f_clamp_max(1.0)?
        } else {
            ratio
        })
    }
}
