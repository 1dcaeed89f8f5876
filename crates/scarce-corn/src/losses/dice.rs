//! Soft Dice losses.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::check_labels;
use crate::CornError;
use crate::vnet::loss_kind;

/// What the overlap is set against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Denominator {
    /// Σp + Σt (CORN, CAML, MC-Net).
    Sum,
    /// Σp² + Σt² (V-Net's paper, UA-MT).
    Squares,
}

/// A soft Dice loss: 1 − (2 Σpt + ε)/(Σp + Σt + ε), or with squares below, one Dice over the whole batch for each class but
/// the background, then their mean. A class that is neither predicted nor there has Dice 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiceLoss {
    /// What the overlap is set against.
    pub denominator: Denominator,
    /// ε.
    pub smooth: f64,
}

impl Default for DiceLoss {
    fn default() -> Self {
        Self {
            denominator: Denominator::Sum,
            smooth: 1e-5,
        }
    }
}

impl DiceLoss {
    /// That of CORN's code.
    pub const CORN: Self = Self {
        denominator: Denominator::Sum,
        smooth: 1e-8,
    };
    /// That of UA-MT's code.
    pub const UA_MT: Self = Self {
        denominator: Denominator::Squares,
        smooth: 1e-5,
    };

    /// The loss of probabilities `(batch, class, z, y, x)` against labels `(batch, z, y, x)` of kind int64.
    ///
    /// # Errors
    /// [`CornError::Shape`] when the shapes do not fit or there is no foreground class; [`CornError::Data`] for a label
    /// beyond the classes.
    pub fn of(&self, probabilities: &Tensor, labels: &Tensor) -> Result<Tensor, CornError> {
        let classes = check_labels(probabilities, labels)?;
        let (lowest, highest) = labels.f_aminmax(None, false)?;
        let (lowest, highest) = (lowest.f_int64_value(&[])?, highest.f_int64_value(&[])?);
        if lowest < 0 || highest >= classes {
            let message = format!("labels from {lowest} to {highest} for {classes} classes");
            return Err(CornError::Data { message });
        }
        let kind = loss_kind(probabilities);
        let mut scores = Vec::new();
        // Class by class: maps of all classes at once would be as large as the network's own.
        for class in 1..classes {
            let truth = labels.f_eq(class)?;
            let p = probabilities.f_select(1, class)?.f_to_kind(kind)?;
            let overlap = p.f_mul(&truth)?.f_sum(kind)?;
            let predicted = match self.denominator {
                Denominator::Sum => p.f_sum(kind)?,
                Denominator::Squares => p.f_square()?.f_sum(kind)?,
            };
            let total = predicted + truth.f_sum(kind)?;
            scores.push((overlap * 2.0 + self.smooth) / (total + self.smooth));
        }
        let mean = Tensor::f_stack(&scores, 0)?.f_mean(None::<Kind>)?;
        Ok(mean.f_neg()? + 1.0)
    }
}

/// [`DiceLoss::of`] with the defaults.
///
/// # Errors
/// As [`DiceLoss::of`].
pub fn soft_dice_loss(probabilities: &Tensor, labels: &Tensor) -> Result<Tensor, CornError> {
    DiceLoss::default().of(probabilities, labels)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::super::tests::{check, labels, logits};
    use super::*;

    /// With z, y, p and t as for the cross entropy:
    ///
    /// ```python
    /// axes = (0, 2, 3, 4)
    /// def dice(e, k): return (1 - (2 * (p * t).sum(axes) + e) / ((p ** k).sum(axes) + t.sum(axes) + e))[1:].mean()
    /// print(dice(1e-5, 1), dice(1e-8, 1), dice(1e-5, 2))
    /// ```
    #[test]
    fn equals_numpy() {
        let p = logits().softmax(1, Kind::Double);
        for (name, loss, expected) in [
            ("default", DiceLoss::default(), 0.6606966157436294),
            ("CORN", DiceLoss::CORN, 0.6606974580074899),
            ("UA-MT", DiceLoss::UA_MT, 0.5117397495118594),
        ] {
            check(name, &loss.of(&p, &labels()).unwrap(), expected);
            let single = p.to_kind(Kind::Float);
            check(name, &loss.of(&single, &labels()).unwrap(), expected);
        }
    }

    /// With ε on both sides a class without any voxel costs nothing, and a perfect map neither.
    #[test]
    fn nothing_found_where_nothing_is_costs_nothing() {
        let truth = Tensor::zeros([1, 1, 2, 2], (Kind::Int64, Device::Cpu));
        let sure = truth
            .one_hot(3)
            .permute([0, 4, 1, 2, 3])
            .to_kind(Kind::Float);
        for loss in [DiceLoss::default(), DiceLoss::CORN, DiceLoss::UA_MT] {
            let loss = loss.of(&sure, &truth).unwrap().double_value(&[]);
            assert!(loss.abs() < 1e-6, "{loss}");
        }
    }

    #[test]
    fn what_would_be_broadcast_is_refused() {
        let p = logits().softmax(1, Kind::Float);
        for (p, labels) in [
            (p.shallow_clone(), labels().narrow(0, 0, 1)),
            (p.shallow_clone(), labels().to_kind(Kind::Int)),
            (p.narrow(1, 0, 1), labels()),
            (p.view([-1]), labels()),
        ] {
            let error = soft_dice_loss(&p, &labels);
            assert!(matches!(error, Err(CornError::Shape { .. })), "{error:?}");
        }
        for labels in [labels() + 3, labels() - 1] {
            let error = soft_dice_loss(&p, &labels);
            assert!(matches!(error, Err(CornError::Data { .. })), "{error:?}");
        }
    }
}
