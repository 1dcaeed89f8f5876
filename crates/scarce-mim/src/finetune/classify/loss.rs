//! Losses against soft targets, `(image, class)`.

use tch::{Kind, Reduction, Tensor};

use crate::MimError;

/// Classes `(image)` as targets: 1 - s + s / classes for the class, s / classes for the others (timm's `mixup_target`, and
/// `CrossEntropyLoss(label_smoothing=s)`).
///
/// # Errors
/// [`MimError::Torch`] for classes out of range.
pub fn smoothed(classes: &Tensor, n: i64, smoothing: f64) -> Result<Tensor, MimError> {
    let hot = classes.f_one_hot(n)?.f_to_kind(Kind::Float)?;
    Ok(hot * (1.0 - smoothing) + smoothing / n as f64)
}

/// -mean over images of the sum over classes of target · log softmax.
///
/// # Errors
/// [`MimError::Torch`] when the shapes do not fit.
pub fn soft_cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor, MimError> {
    let logs = logits.f_log_softmax(1, Kind::Float)?;
    let each = (logs * targets).f_sum_dim_intlist([1i64].as_slice(), false, Kind::Float)?;
    Ok(each.f_mean(Kind::Float)?.f_neg()?)
}

/// The mean over images and classes of each class's binary cross-entropy.
///
/// # Errors
/// [`MimError::Torch`] when the shapes do not fit.
pub fn soft_binary_cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor, MimError> {
    let none = None::<&Tensor>;
    Ok(logits.f_binary_cross_entropy_with_logits(targets, none, none, Reduction::Mean)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// import torch, torch.nn.functional as F
    /// z = torch.tensor([[1.5, -0.3, 0.2, 0.9], [-2.0, 0.4, 3.1, 0.0], [0.1, 0.2, 0.3, 0.4]])
    /// y = torch.tensor([0, 2, 1])
    /// t = F.one_hot(y, 4) * 0.9 + 0.1 / 4
    /// F.cross_entropy(z, y, label_smoothing=0.1), F.binary_cross_entropy_with_logits(z, t)
    /// mixed = 0.3 * t + 0.7 * t.flip(0)
    /// F.cross_entropy(z, mixed), F.binary_cross_entropy_with_logits(z, mixed)
    /// ```
    #[test]
    fn equal_pytorchs() {
        let logits = Tensor::from_slice(&[
            1.5f32, -0.3, 0.2, 0.9, -2.0, 0.4, 3.1, 0.0, 0.1, 0.2, 0.3, 0.4,
        ])
        .view([3, 4]);
        let classes = Tensor::from_slice(&[0i64, 2, 1]);
        let plain = smoothed(&classes, 4, 0.1).unwrap();
        let mixed = &plain * 0.3 + plain.flip([0i64]) * 0.7;
        for (targets, expected) in [(&plain, PLAIN), (&mixed, MIXED)] {
            let got = [
                soft_cross_entropy(&logits, targets).unwrap(),
                soft_binary_cross_entropy(&logits, targets).unwrap(),
            ];
            for (got, expected) in got.iter().zip(expected) {
                let got = got.double_value(&[]);
                assert!((got - expected).abs() < 1e-6, "{got} {expected}");
            }
        }
        assert!(smoothed(&Tensor::from_slice(&[4i64]), 4, 0.0).is_err());
    }

    /// Soft cross-entropy, binary cross-entropy.
    const PLAIN: [f64; 2] = [0.8669458031654358, 0.6701768040657043];
    const MIXED: [f64; 2] = [1.2659457921981812, 0.7699268460273743];
}
