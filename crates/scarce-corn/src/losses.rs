//! Supervised and consistency losses over `(batch, class, z, y, x)`.

use tch::{Kind, Reduction, Tensor};

use crate::CornError;

const SMOOTH: f64 = 1e-5;

/// The two supervised losses of one forward pass.
#[derive(Debug)]
pub struct Supervised {
    /// [`soft_dice_loss`].
    pub dice: Tensor,
    /// [`cross_entropy`].
    pub cross_entropy: Tensor,
}

impl Supervised {
    /// Dice plus cross entropy, each of weight 1.
    pub fn sum(&self) -> Tensor {
        &self.dice + &self.cross_entropy
    }
}

/// Both losses of logits whose softmax is at hand already.
///
/// # Errors
/// As [`soft_dice_loss`] and [`cross_entropy`].
pub fn supervised(
    logits: &Tensor,
    probabilities: &Tensor,
    labels: &Tensor,
) -> Result<Supervised, CornError> {
    Ok(Supervised {
        dice: soft_dice_loss(probabilities, labels)?,
        cross_entropy: cross_entropy(logits, labels)?,
    })
}

/// Cross entropy of logits against labels `(batch, z, y, x)` of kind int64, a mean over voxels.
///
/// # Errors
/// [`CornError::Shape`] when the shapes do not fit; [`CornError::Torch`] for a label beyond the classes.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor, CornError> {
    check_labels(logits, labels)?;
    Ok(logits.f_cross_entropy_loss(labels, None::<&Tensor>, Reduction::Mean, -100, 0.0)?)
}

/// Soft Dice loss, one Dice over the whole batch for each class but the background, then their
/// mean: 1 − (2 Σpt + ε)/(Σp + Σt + ε), ε = 1e-5. A class that is neither predicted nor there has
/// Dice 1. (CORN's code sums over the batch likewise, with ε = 1e-8.)
///
/// # Errors
/// [`CornError::Shape`] when the shapes do not fit or there is no foreground class;
/// [`CornError::Torch`] for a label beyond the classes.
pub fn soft_dice_loss(probabilities: &Tensor, labels: &Tensor) -> Result<Tensor, CornError> {
    let classes = check_labels(probabilities, labels)?;
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
/// [`CornError::Shape`] when they differ in shape.
pub fn consistency_mse(student: &Tensor, teacher: &Tensor) -> Result<Tensor, CornError> {
    if student.size() != teacher.size() {
        return Err(CornError::Shape {
            what: "the teacher's probabilities",
            expected: format!("the student's {:?}", student.size()),
            got: teacher.size(),
        });
    }
    Ok((student.f_sub(&teacher.detach())?)
        .f_square()?
        .f_mean(Kind::Float)?)
}

/// The number of classes; libtorch would broadcast shapes that do not fit.
fn check_labels(maps: &Tensor, labels: &Tensor) -> Result<i64, CornError> {
    let size = maps.size();
    let [batch, classes, z, y, x] = size[..] else {
        return Err(CornError::Shape {
            what: "class maps",
            expected: "(batch, class, z, y, x)".to_owned(),
            got: size,
        });
    };
    if classes < 2 {
        return Err(CornError::Shape {
            what: "class maps",
            expected: "at least 2 classes".to_owned(),
            got: size,
        });
    }
    if labels.size() != [batch, z, y, x] || labels.kind() != Kind::Int64 {
        return Err(CornError::Shape {
            what: "labels (batch, z, y, x)",
            expected: format!("int64 of {:?}", [batch, z, y, x]),
            got: labels.size(),
        });
    }
    Ok(classes)
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

    #[test]
    fn both_at_once_are_the_two_alone() {
        let p = logits().softmax(1, Kind::Float);
        let sum = supervised(&logits(), &p, &labels()).unwrap().sum();
        assert!((sum.double_value(&[]) - NUMPY[0] - NUMPY[1]).abs() < 1e-6);
    }

    /// With ε on both sides a class without any voxel costs nothing, and a perfect map neither.
    #[test]
    fn dice_of_nothing_found_where_nothing_is_costs_nothing() {
        let truth = Tensor::zeros([1, 1, 2, 2], (Kind::Int64, Device::Cpu));
        let sure = truth
            .one_hot(3)
            .permute([0, 4, 1, 2, 3])
            .to_kind(Kind::Float);
        let loss = soft_dice_loss(&sure, &truth).unwrap().double_value(&[]);
        assert!(loss.abs() < 1e-6, "{loss}");
    }

    #[test]
    fn what_would_be_broadcast_is_refused() {
        let p = logits().softmax(1, Kind::Float);
        let first = labels().narrow(0, 0, 1);
        let unfit: [(Tensor, Tensor); 4] = [
            (p.shallow_clone(), first),
            (p.shallow_clone(), labels().to_kind(Kind::Int)),
            (p.narrow(1, 0, 1), labels()),
            (p.view([-1]), labels()),
        ];
        for (p, labels) in unfit {
            let error = soft_dice_loss(&p, &labels);
            assert!(matches!(error, Err(CornError::Shape { .. })), "{error:?}");
            assert!(cross_entropy(&p, &labels).is_err());
        }
        let beyond = labels() + 3;
        assert!(matches!(
            soft_dice_loss(&p, &beyond),
            Err(CornError::Torch(_))
        ));
        assert!(matches!(
            cross_entropy(&logits(), &beyond),
            Err(CornError::Torch(_))
        ));
        let error = consistency_mse(&p, &p.narrow(0, 0, 1));
        assert!(matches!(error, Err(CornError::Shape { .. })));
    }

    #[test]
    fn the_teacher_gets_no_gradient() {
        let student = logits().set_requires_grad(true);
        let teacher = logits().flip([1]).set_requires_grad(true);
        consistency_mse(&student, &teacher).unwrap().backward();
        assert!(student.grad().defined() && !teacher.grad().defined());
    }

    const NUMPY: [f64; 3] = [1.214372995, 0.660696616, 0.087925792];
}
