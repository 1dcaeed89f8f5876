//! Cross pseudo supervision.

use tch::{Reduction, Tensor};

use super::check_alike;
use crate::CornError;

/// Cross pseudo supervision of branches by one another: Σ over ordered pairs of the cross entropy of one's logits against the
/// other's likeliest classes, a mean over voxels (CORN's eq. 3; Chen et al., CPS). No gradient goes through a class.
///
/// # Errors
/// [`CornError::Shape`] for logits of different shape; [`CornError::Setting`] for fewer than two branches.
pub fn cross_pseudo(logits: &[&Tensor]) -> Result<Tensor, CornError> {
    let pseudo = logits
        .iter()
        .map(|logits| logits.detach().f_argmax(1, false))
        .collect::<Result<Vec<_>, _>>()?;
    let mut sum: Option<Tensor> = None;
    for (i, of) in logits.iter().enumerate() {
        check_alike("a branch's logits", logits[0], of)?;
        for (j, by) in pseudo.iter().enumerate() {
            if i != j {
                let none = None::<&Tensor>;
                let loss = of.f_cross_entropy_loss(by, none, Reduction::Mean, -100, 0.0)?;
                sum = Some(sum.map_or_else(|| loss.shallow_clone(), |sum| sum + &loss));
            }
        }
    }
    sum.ok_or_else(|| CornError::setting("branches", "at least two", logits.len()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, logits, others};
    use super::*;

    /// With z as for the cross entropy:
    ///
    /// ```python
    /// w = np.cos(np.arange(36) * 1.3 + .4).reshape(2, 3, 1, 2, 3)
    /// def ce(a, b):
    ///     p = np.exp(a) / np.exp(a).sum(1, keepdims=True)
    ///     return -np.log(np.take_along_axis(p, b.argmax(1)[:, None], 1)).mean()
    /// print(ce(z, w) + ce(w, z))
    /// ```
    #[test]
    fn equals_numpy() {
        let got = cross_pseudo(&[&logits(), &others()]).unwrap();
        check("cross pseudo", &got, 3.117382404128406);
    }

    #[test]
    fn refuses_one_branch_and_unequal_ones() {
        assert!(cross_pseudo(&[&logits()]).is_err());
        assert!(cross_pseudo(&[&logits(), &logits().narrow(0, 0, 1)]).is_err());
    }
}
