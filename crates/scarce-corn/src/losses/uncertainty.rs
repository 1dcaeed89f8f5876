//! UA-MT's consistency, where the teacher is sure enough.

use tch::Tensor;

use super::check_alike;
use crate::CornError;
use crate::vnet::loss_kind;

/// Keeps the logarithm off 0 (UA-MT).
const LOG_SMOOTH: f64 = 1e-6;
/// Keeps a quotient of nothing at 0 (UA-MT).
const SMOOTH: f64 = 1e-16;

/// Entropy of each voxel's probabilities `(batch, class, …)`, −Σ p ln(p + 1e-6), in nats: `(batch, …)`. UA-MT takes it of the
/// mean over several passes with noise and dropout.
///
/// # Errors
/// [`CornError::Torch`] from libtorch.
pub fn predictive_entropy(probabilities: &Tensor) -> Result<Tensor, CornError> {
    let log = (probabilities + LOG_SMOOTH).f_log()?;
    let sum = probabilities.f_mul(&log)?.f_sum_dim_intlist(
        [1i64].as_slice(),
        false,
        loss_kind(probabilities),
    )?;
    Ok(sum.f_neg()?)
}

/// Σ 1[U < H] (s − t)² / (C Σ 1[U < H] + 1e-16) over voxels and C classes: the mean squared difference of student and teacher
/// where the teacher's uncertainty `(batch, …)` is below `threshold`, and 0 where it is nowhere. No gradient into the teacher.
///
/// # Errors
/// [`CornError::Shape`] when shapes do not fit.
pub fn uncertainty_masked_consistency(
    student: &Tensor,
    teacher: &Tensor,
    uncertainty: &Tensor,
    threshold: f64,
) -> Result<Tensor, CornError> {
    check_alike("the teacher's probabilities", student, teacher)?;
    let classes = student.size().get(1).copied().unwrap_or(0);
    let mask = uncertainty.detach().f_lt(threshold)?.f_unsqueeze(1)?;
    check_alike("the uncertainty", &student.f_narrow(1, 0, 1)?, &mask)?;
    let kind = loss_kind(student);
    let mask = mask.f_to_kind(kind)?;
    let difference = student.f_sub(&teacher.detach())?.f_square()?;
    let sum = difference.f_mul(&mask)?.f_sum(kind)?;
    Ok(sum.f_div(&(mask.f_sum(kind)? * classes as f64 + SMOOTH))?)
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::super::tests::{check, logits, others};
    use super::*;

    /// With p as for the cross entropy and r of the other branch:
    ///
    /// ```python
    /// u = -(r * np.log(r + 1e-6)).sum(1)
    /// for h in (1.0, .9, .1):
    ///     m = u[:, None] < h
    ///     print(u.mean(), m.sum(), (m * (p - r) ** 2).sum() / (3 * m.sum() + 1e-16))
    /// ```
    #[test]
    fn equals_numpy() {
        let (p, r) = (
            logits().softmax(1, Kind::Double),
            others().softmax(1, Kind::Double),
        );
        let uncertainty = predictive_entropy(&r).unwrap();
        check("entropy", &uncertainty.mean(Kind::Double), NUMPY[0]);
        for (threshold, expected) in [(1.0, NUMPY[1]), (0.9, NUMPY[2]), (0.1, 0.0)] {
            let got = uncertainty_masked_consistency(&p, &r, &uncertainty, threshold).unwrap();
            check("masked", &got, expected);
        }
    }

    #[test]
    fn refuses_an_uncertainty_of_another_shape() {
        let (p, r) = (logits(), others());
        let uncertainty = predictive_entropy(&r).unwrap();
        for unfit in [uncertainty.unsqueeze(1), uncertainty.narrow(0, 0, 1)] {
            assert!(uncertainty_masked_consistency(&p, &r, &unfit, 1.0).is_err());
        }
    }

    const NUMPY: [f64; 3] = [0.9164767638482142, 0.08933991169457096, 0.12585938248726244];
}
