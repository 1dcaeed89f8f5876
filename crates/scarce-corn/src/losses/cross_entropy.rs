//! Cross entropy against labels.

use tch::{Reduction, Tensor};

use super::check_labels;
use crate::CornError;

/// Cross entropy of logits against labels `(batch, z, y, x)` of kind int64, a mean over voxels.
///
/// # Errors
/// [`CornError::Shape`] when the shapes do not fit; [`CornError::Torch`] for a label beyond the classes.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor, CornError> {
    check_labels(logits, labels)?;
    Ok(logits.f_cross_entropy_loss(labels, None::<&Tensor>, Reduction::Mean, -100, 0.0)?)
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::super::tests::{check, labels, logits};
    use super::*;

    /// ```python
    /// import numpy as np
    /// z = np.sin(np.arange(36) * .9).reshape(2, 3, 1, 2, 3)
    /// y = (np.arange(12) * 5 % 3).reshape(2, 1, 2, 3)
    /// p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    /// t = np.stack([y == c for c in range(3)], 1)
    /// print(-np.log((p * t).sum(1)).mean())
    /// ```
    #[test]
    fn equals_numpy() {
        const NUMPY: f64 = 1.2143729952365778;
        check(
            "double",
            &cross_entropy(&logits(), &labels()).unwrap(),
            NUMPY,
        );
        let single = logits().to_kind(Kind::Float);
        check("single", &cross_entropy(&single, &labels()).unwrap(), NUMPY);
    }

    #[test]
    fn refuses_labels_that_do_not_fit() {
        let short = labels().narrow(0, 0, 1);
        assert!(matches!(
            cross_entropy(&logits(), &short),
            Err(CornError::Shape { .. })
        ));
        assert!(matches!(
            cross_entropy(&logits(), &(labels() + 3)),
            Err(CornError::Torch(_))
        ));
    }
}
