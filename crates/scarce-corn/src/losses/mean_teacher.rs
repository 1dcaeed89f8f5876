//! Consistency with a teacher.

use tch::Tensor;

use super::check_alike;
use crate::CornError;
use crate::vnet::loss_kind;

/// Mean squared difference of two probability maps; no gradient into `teacher`.
///
/// # Errors
/// [`CornError::Shape`] when they differ in shape.
pub fn consistency_mse(student: &Tensor, teacher: &Tensor) -> Result<Tensor, CornError> {
    check_alike("the teacher's probabilities", student, teacher)?;
    let difference = student.f_sub(&teacher.detach())?;
    Ok(difference.f_square()?.f_mean(loss_kind(student))?)
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::super::tests::{check, logits};
    use super::*;

    /// With p as for the cross entropy: `((p - p[:, ::-1]) ** 2).mean()`.
    #[test]
    fn equals_numpy() {
        let p = logits().softmax(1, Kind::Double);
        let got = consistency_mse(&p, &p.flip([1])).unwrap();
        check("mean squared", &got, 0.08792579246259305);
    }

    #[test]
    fn the_teacher_gets_no_gradient() {
        let student = logits().set_requires_grad(true);
        let teacher = logits().flip([1]).set_requires_grad(true);
        consistency_mse(&student, &teacher).unwrap().backward();
        assert!(student.grad().defined() && !teacher.grad().defined());
        assert!(consistency_mse(&student, &teacher.narrow(0, 0, 1)).is_err());
    }
}
