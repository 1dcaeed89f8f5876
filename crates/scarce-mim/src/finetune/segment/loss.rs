//! Cross-entropy and Dice of several classes, the background among them.

use tch::{Kind, Reduction, Tensor};

use crate::MimError;

/// MONAI's, which keeps a class that is nowhere from a quotient of zeros.
const SMOOTH: f64 = 1e-5;

/// Both parts, and what they come to.
#[derive(Debug)]
pub struct SegmentationLoss {
    /// Cross-entropy and weighted Dice loss.
    pub total: Tensor,
    /// The cross-entropy, mean over pixels.
    pub cross_entropy: f64,
    /// The soft Dice coefficient, mean over the classes but the background.
    pub dice: f64,
}

/// The mean cross-entropy of logits `(image, class, y, x)` against labels `(image, y, x)`, and `dice_weight` times one less
/// the soft Dice coefficient. That of a class is taken over all pixels of the batch together, or an image without the class
/// would ask for probabilities of exactly 0 (MONAI's `DiceCELoss(include_background=False, batch=True)`).
///
/// # Errors
/// [`MimError::Torch`] when the shapes do not fit.
pub fn dice_and_cross_entropy(
    logits: &Tensor,
    labels: &Tensor,
    dice_weight: f64,
) -> Result<SegmentationLoss, MimError> {
    let (_, classes, _, _) = logits.size4()?;
    let none = None::<&Tensor>;
    let entropy = logits.f_cross_entropy_loss(labels, none, Reduction::Mean, -100, 0.0)?;
    let hot = labels.f_one_hot(classes)?.f_permute([0, 3, 1, 2])?;
    let hot = hot.f_to_kind(logits.kind())?.f_narrow(1, 1, classes - 1)?;
    let shares = logits
        .f_softmax(1, logits.kind())?
        .f_narrow(1, 1, classes - 1)?;
    let over = |t: &Tensor| t.f_sum_dim_intlist([0i64, 2, 3].as_slice(), false, None::<Kind>);
    let both = over(&(&shares * &hot))? * 2.0 + SMOOTH;
    let either = over(&shares)? + over(&hot)? + SMOOTH;
    let dice = (both / either).f_mean(None::<Kind>)?;
    Ok(SegmentationLoss {
        cross_entropy: entropy.f_double_value(&[])?,
        dice: dice.f_double_value(&[])?,
        total: entropy + (1.0 - dice) * dice_weight,
    })
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    /// ```python
    /// import torch, torch.nn.functional as F
    /// z = torch.sin(torch.arange(96, dtype=torch.float64) * 0.7).reshape(2, 3, 4, 4) * 2
    /// y = (torch.arange(32) * 7 % 3).reshape(2, 4, 4)
    /// p, h = z.softmax(1), F.one_hot(y, 3).permute(0, 3, 1, 2).double()
    /// dice = (2 * (p * h).sum((0, 2, 3)) + 1e-5) / ((p + h).sum((0, 2, 3)) + 1e-5)
    /// F.cross_entropy(z, y), dice[1:].mean()
    /// ```
    #[test]
    fn equals_the_formula_in_pytorch() {
        let angles = Tensor::arange(96, (Kind::Double, Device::Cpu)) * 0.7;
        let logits = angles.sin().view([2, 3, 4, 4]) * 2.0;
        let labels = (Tensor::arange(32, (Kind::Int64, Device::Cpu)) * 7).remainder(3);
        let labels = labels.view([2, 4, 4]);
        let (entropy, dice) = (1.7659853370220364, 1.0 - 0.6747793636769179);
        for weight in [0.0, 1.0, 0.5] {
            let loss = dice_and_cross_entropy(&logits, &labels, weight).unwrap();
            let expected = entropy + weight * (1.0 - dice);
            assert!((loss.total.double_value(&[]) - expected).abs() < 1e-12);
            assert!((loss.dice - dice).abs() < 1e-12);
            assert!((loss.cross_entropy - entropy).abs() < 1e-12);
        }
    }
}
