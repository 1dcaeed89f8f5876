//! Voxels on which two branches agree.

use tch::Tensor;

use crate::CornError;

/// Where both of `(batch, class, …)` have the same likeliest class: `(batch, …)`, true there.
///
/// # Errors
/// [`CornError::Shape`] when the two differ in shape.
pub fn agreement(one: &Tensor, other: &Tensor) -> Result<Tensor, CornError> {
    if one.size() != other.size() || one.dim() < 3 {
        return Err(CornError::Shape {
            what: "the other branch's probabilities",
            expected: format!("(batch, class, …) like the first's {:?}", one.size()),
            got: other.size(),
        });
    }
    Ok(one
        .f_argmax(1, false)?
        .f_eq_tensor(&other.f_argmax(1, false)?)?)
}
