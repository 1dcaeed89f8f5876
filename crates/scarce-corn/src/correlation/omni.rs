//! CAML's omni-correlation.

use tch::{Kind, Tensor};

use super::{Anchors, Correlation, PairedFeatures, check_temperature};
use crate::CornError;
use crate::vnet::loss_kind;

/// Keeps the logarithm off 0 (CAML).
const SMOOTH: f64 = 1e-8;

/// The likeness of every voxel to every anchor of all classes, softmax of their dot products over the temperature, and
/// −Σ a log(v + 1e-8) of the two branches' rows, a mean over voxels (CAML). Nothing is normalised nor kept from the gradient.
///
/// # Errors
/// [`CornError::Setting`] for a temperature that is not above 0, or anchors of which only a covariance is kept;
/// [`CornError::Shape`] for pairs of different length.
pub fn correlation(
    features: &[PairedFeatures],
    anchors: &[Option<Anchors>],
    temperature: f64,
) -> Result<Correlation, CornError> {
    check_temperature(temperature)?;
    let mut memory = Vec::new();
    for anchors in anchors.iter().flatten() {
        match anchors {
            Anchors::Rows(rows) => memory.push(rows.detach()),
            Anchors::Covariance(_) => {
                let expected = "one that keeps rows: likeness is to single anchors";
                return Err(CornError::setting("pool.fusion", expected, "moments"));
            }
        }
    }
    let (mut losses, mut rows, mut skipped) = (Vec::new(), 0, 0);
    let memory = (!memory.is_empty())
        .then(|| Tensor::f_cat(&memory, 0))
        .transpose()?;
    for pair in features {
        let n = pair.rows()? as u32;
        let Some(memory) = memory.as_ref().filter(|m| n > 0 && m.size()[0] > 0) else {
            skipped += n.max(1);
            continue;
        };
        let kind = loss_kind(&pair.first);
        let likeness = |features: &Tensor| -> Result<Tensor, CornError> {
            let products = features
                .f_to_kind(kind)?
                .f_matmul(&memory.f_to_kind(kind)?.f_tr()?)?;
            Ok((products / temperature).f_softmax(1, kind)?)
        };
        let (v, a) = (likeness(&pair.first)?, likeness(&pair.second)?);
        let of_rows =
            a.f_mul(&(v + SMOOTH).f_log()?)?
                .f_sum_dim_intlist([1i64].as_slice(), false, kind)?;
        losses.push(of_rows.f_neg()?);
        rows += n;
    }
    if losses.is_empty() {
        return Correlation::of(&[], skipped, features);
    }
    let mean = Tensor::f_cat(&losses, 0)?.f_mean(None::<Kind>)?;
    Ok(Correlation {
        rows,
        ..Correlation::of(&[mean], skipped, features)?
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{anchors, pair, rows};
    use super::*;

    /// With `rows` and `anchors` as for the paper's form:
    ///
    /// ```python
    /// m = np.concatenate(anchors)
    /// def likeness(f):
    ///     z = f @ m.T / .1
    ///     e = np.exp(z - z.max(1, keepdims=True))
    ///     return e / e.sum(1, keepdims=True)
    /// v = np.concatenate([rows(30, 1.6, .5), rows(20, 2.6, .9)]); a = np.concatenate([rows(30, 1.2, .3), rows(20, 2.2, .2)])
    /// print(-(likeness(a) * np.log(likeness(v) + 1e-8)).sum(1).mean())
    /// ```
    #[test]
    fn equals_numpy() {
        let features = [
            pair(&rows(30, 1.6, 0.5), &rows(30, 1.2, 0.3)),
            pair(&rows(20, 2.6, 0.9), &rows(20, 2.2, 0.2)),
        ];
        let found = correlation(&features, &anchors(), 0.1).unwrap();
        let got = found.loss.double_value(&[]);
        assert!((got - NUMPY).abs() < 1e-9 * NUMPY, "{got} {NUMPY}");
        assert_eq!((found.rows, found.skipped), (50, 0));
    }

    #[test]
    fn a_covariance_is_no_memory() {
        let anchors = [Some(Anchors::Covariance(rows(3, 1.0, 0.0)))];
        let features = [pair(&rows(9, 1.0, 0.0), &rows(9, 1.0, 0.1))];
        assert!(correlation(&features, &anchors, 0.1).is_err());
    }

    const NUMPY: f64 = 8.077987414246628;
}
