//! Supervised and consistency losses over `(batch, class, z, y, x)`.

use tch::{Kind, Reduction, Tensor};

use crate::CornError;

const SMOOTH: f64 = 1e-5;

/// Cross entropy of logits against labels `(batch, z, y, x)` of kind int64, a mean over voxels.
///
/// # Errors
/// [`CornError::Torch`] when the shapes do not fit.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor, CornError> {
    Ok(logits.f_cross_entropy_loss(labels, None::<&Tensor>, Reduction::Mean, -100, 0.0)?)
}

/// Soft Dice loss, one Dice over the whole batch for each class but the background, then their
/// mean: 1 − (2 Σpt + ε)/(Σp + Σt + ε), ε = 1e-5. (CORN's code, §1.2 step 3 of its specification,
/// with a visible ε.)
///
/// # Errors
/// [`CornError::Torch`] when the shapes do not fit.
pub fn soft_dice_loss(probabilities: &Tensor, labels: &Tensor) -> Result<Tensor, CornError> {
    let classes = probabilities.size()[1];
    let truth = labels
        .f_one_hot(classes)?
        .f_permute([0, 4, 1, 2, 3])?
        .to_kind(Kind::Float);
    let over = [0i64, 2, 3, 4];
    let sum = |t: &Tensor| t.f_sum_dim_intlist(over.as_slice(), false, Kind::Float);
    let overlap = sum(&probabilities.f_mul(&truth)?)?;
    let total = sum(probabilities)? + sum(&truth)?;
    let dice = (overlap * 2.0 + SMOOTH) / (total + SMOOTH);
    let foreground = dice.f_narrow(0, 1, classes - 1)?;
    Ok(foreground.f_mean(Kind::Float)?.f_neg()? + 1.0)
}

/// Mean squared difference of two probability maps; no gradient into `teacher`.
///
/// # Errors
/// [`CornError::Torch`] when the shapes do not fit.
pub fn consistency_mse(student: &Tensor, teacher: &Tensor) -> Result<Tensor, CornError> {
    Ok((student.f_sub(&teacher.detach())?)
        .f_square()?
        .f_mean(Kind::Float)?)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    fn logits() -> Tensor {
        let angles = Tensor::arange(36, (Kind::Double, Device::Cpu)) * 0.9;
        angles.sin().view([2, 3, 1, 2, 3]).to_kind(Kind::Float)
    }

    fn labels() -> Tensor {
        (Tensor::arange(12, (Kind::Int64, Device::Cpu)) * 5)
            .remainder(3)
            .view([2, 1, 2, 3])
    }

    /// ```python
    /// import numpy as np
    /// z = np.sin(np.arange(36) * .9).reshape(2, 3, 1, 2, 3)
    /// y = (np.arange(12) * 5 % 3).reshape(2, 1, 2, 3)
    /// p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    /// t = np.stack([y == c for c in range(3)], 1)
    /// ce = -np.log((p * t).sum(1)).mean()
    /// axes = (0, 2, 3, 4); e = 1e-5
    /// d = (2 * (p * t).sum(axes) + e) / (p.sum(axes) + t.sum(axes) + e)
    /// print(ce, 1 - d[1:].mean(), ((p - p[:, ::-1]) ** 2).mean())
    /// ```
    #[test]
    fn equal_numpy() {
        let p = logits().softmax(1, Kind::Float);
        for (name, got, expected) in [
            (
                "cross entropy",
                cross_entropy(&logits(), &labels()).unwrap(),
                NUMPY[0],
            ),
            ("dice", soft_dice_loss(&p, &labels()).unwrap(), NUMPY[1]),
            (
                "consistency",
                consistency_mse(&p, &p.flip([1])).unwrap(),
                NUMPY[2],
            ),
        ] {
            let got = got.double_value(&[]);
            assert!((got - expected).abs() < 1e-6, "{name}: {got} {expected}");
        }
    }

    const NUMPY: [f64; 3] = [1.214372995, 0.660696616, 0.087925792];
}
