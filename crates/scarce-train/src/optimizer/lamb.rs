//! timm's `Lamb`'s update (`NvLamb`), and so SparK's.

use tch::Tensor;

use super::scratch::Scratch;
use super::slot::Slot;
use crate::TrainError;
use crate::native::optimizers;

/// The settings of one update.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lamb {
    pub learning_rate: f64,
    pub betas: (f64, f64),
    pub eps: f64,
    pub weight_decay: f64,
    pub bias_correction: bool,
    pub trust_clip: bool,
    pub always_adapt: bool,
}

impl Lamb {
    /// u = m̂ / (√v̂ + ε) + decay·p; p ← p − lr · ‖p‖/‖u‖ · u, where the ratio is 1 if either norm is 0.
    /// Parameters without decay have no ratio unless `always_adapt`.
    pub(super) fn update(
        &self,
        slot: &mut Slot,
        gradient: Option<&Tensor>,
        scratch: &mut Scratch,
    ) -> Result<(), TrainError> {
        // timm counts for all parameters together, those without a gradient included.
        let t = slot.count_step()?;
        let ([first, second], Some(gradient)) = (&slot.moments[..], gradient) else {
            return Ok(());
        };
        let weight_decay = if slot.settings.decays {
            self.weight_decay
        } else {
            0.0
        };
        let (beta1, beta2) = self.betas;
        let settings = optimizers::Lamb {
            learning_rate: self.learning_rate * slot.settings.learning_rate_scale,
            betas: self.betas,
            eps: self.eps,
            weight_decay,
            corrections: if self.bias_correction {
                (1.0 - beta1.powf(t), 1.0 - beta2.powf(t))
            } else {
                (1.0, 1.0)
            },
            adapts: weight_decay != 0.0 || self.always_adapt,
            trust_clip: self.trust_clip,
        };
        let rooms = scratch.rooms(&slot.parameter)?;
        optimizers::lamb(
            &slot.parameter,
            gradient,
            [first, second],
            rooms.each_ref(),
            settings,
        )?;
        Ok(())
    }
}
