//! Parameters that are updated alike, gathered so that one call of a fused kernel serves all of them.

use tch::{Device, Kind, Tensor};

use super::slot::Slot;
use crate::TrainError;
use crate::native::optimizers::Updated;

/// What parameters of one call have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Alike {
    pub learning_rate: f64,
    pub weight_decay: f64,
    /// Which update it is, from 1; 1 always where updates are not counted.
    pub step: f64,
    kind: Kind,
    device: Device,
}

/// All slots with a gradient, by what they have in common; their updates are counted.
pub(super) fn gather(
    slots: &mut [Slot],
    gradients: Vec<Option<Tensor>>,
    learning_rate: f64,
    weight_decay: f64,
) -> Result<Vec<(Alike, Updated)>, TrainError> {
    let mut groups: Vec<(Alike, Updated)> = Vec::new();
    for (slot, gradient) in slots.iter_mut().zip(gradients) {
        let Some(gradient) = gradient else {
            continue;
        };
        let alike = Alike {
            learning_rate: learning_rate * slot.settings.learning_rate_scale,
            weight_decay: if slot.settings.decays {
                weight_decay
            } else {
                0.0
            },
            step: slot.count_step()?,
            kind: slot.parameter.kind(),
            device: slot.parameter.device(),
        };
        let known = groups.iter().position(|(known, _)| *known == alike);
        let place = known.unwrap_or(groups.len());
        if known.is_none() {
            groups.push((alike, Updated::default()));
        }
        let updated = &mut groups[place].1;
        updated.parameters.push(slot.parameter.shallow_clone());
        updated.gradients.push(gradient);
        let mut moments = slot.moments.iter().map(Tensor::shallow_clone);
        updated.first_moments.extend(moments.next());
        updated.second_moments.extend(moments.next());
    }
    Ok(groups)
}
