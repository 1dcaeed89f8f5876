//! The paper's equations, where they can be computed.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::{Anchors, Correlation, LARGEST, PairedFeatures, check_groups, distances, part};
use crate::CornError;
use crate::coral::covariance;

/// How rows and columns of the matrix are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PaperOptions {
    /// Groups that the voxels of each class are dealt into, each a row of the matrix (m = groups · classes).
    pub groups: i64,
    /// Groups that the anchors of each class are dealt into, each a column (n = `anchor_groups` · classes).
    pub anchor_groups: i64,
}

impl Default for PaperOptions {
    fn default() -> Self {
        Self {
            groups: 16,
            anchor_groups: 4,
        }
    }
}

impl PaperOptions {
    pub(super) fn check(&self) -> Result<(), CornError> {
        check_groups("correlation.groups", self.groups)?;
        check_groups("correlation.anchor_groups", self.anchor_groups)
    }
}

/// Equations 4 to 6 of CORN: CORAL distances between every group of voxels and every group of anchors, a matrix for each
/// branch, and the mean over its m rows of the cross entropy of the first against the second, −Σⱼ aᵢⱼ log softmax(vᵢ)ⱼ.
///
/// The paper has a single voxel where a group stands here, but one vector has no covariance. It names no normalisation of
/// the distances and nothing that is kept from the gradient: they are taken as they are, as in the authors' code.
///
/// # Errors
/// [`CornError::Setting`] for no groups; [`CornError::Shape`] for features of another width or pairs of different length.
pub fn correlation(
    features: &[PairedFeatures],
    anchors: &[Option<Anchors>],
    options: &PaperOptions,
) -> Result<Correlation, CornError> {
    options.check()?;
    let mut columns = Vec::new();
    for anchors in anchors.iter().flatten() {
        match anchors {
            Anchors::Covariance(_) => columns.extend(anchors.covariance()?),
            Anchors::Rows(rows) => {
                let rows = rows.detach().f_to_kind(Kind::Double)?;
                let n = rows.size2()?.0;
                for k in 0..options.anchor_groups {
                    let (first, length) = part(n, k, options.anchor_groups);
                    if length > 1 {
                        columns.push(covariance(&rows.f_narrow(0, first, length)?)?);
                    }
                }
            }
        }
    }
    let (mut losses, mut skipped) = (Vec::new(), 0);
    for pair in features {
        let n = pair.rows()?;
        for group in 0..options.groups {
            let (first, length) = part(n, group, options.groups);
            if length < 2 || columns.is_empty() {
                skipped += 1;
                continue;
            }
            let row = |t: &Tensor| distances(&t.f_narrow(0, first, length)?, &columns);
            let (v, a) = (row(&pair.first)?, row(&pair.second)?);
            let largest = v.f_maximum(&a)?.f_max()?.f_double_value(&[])?;
            if largest.is_nan() || largest > LARGEST {
                skipped += 1;
                continue;
            }
            let log = v.f_log_softmax(0, Kind::Double)?;
            losses.push(a.f_mul(&log)?.f_sum(Kind::Double)?.f_neg()?);
        }
    }
    Correlation::of(&losses, skipped, features)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{anchors, pair, rows};
    use super::*;

    /// ```python
    /// import numpy as np
    /// def rows(n, s, p): return (np.sin(np.arange(n * 3) * 2.3 + p) * s).reshape(n, 3)
    /// def coral(x, y): return ((np.cov(x.T) - np.cov(y.T)) ** 2).sum() / (4 * 3 ** 2)
    /// def paper(v, a, anchors, g, h):
    ///     columns = [part for rows in anchors for part in np.split(rows, h)]
    ///     losses = []
    ///     for x, y in zip(np.split(v, g), np.split(a, g)):
    ///         p, q = (np.array([coral(part, c) for c in columns]) for part in (x, y))
    ///         losses.append(-(q * (p - np.log(np.exp(p).sum()))).sum())
    ///     return np.mean(losses)
    /// anchors = [rows(40, 1, .1), rows(40, 3, .7)]
    /// print([paper(rows(30, 1.6, .5), rows(30, 1.2, .3), anchors, g, h) for g, h in ((1, 1), (2, 4), (3, 2))])
    /// ```
    #[test]
    fn equals_numpy() {
        for (groups, anchor_groups, expected) in
            [(1, 1, NUMPY[0]), (2, 4, NUMPY[1]), (3, 2, NUMPY[2])]
        {
            let options = PaperOptions {
                groups,
                anchor_groups,
            };
            let pair = pair(&rows(30, 1.6, 0.5), &rows(30, 1.2, 0.3));
            let found = correlation(&[pair], &anchors(), &options).unwrap();
            let got = found.loss.double_value(&[]);
            assert!((got - expected).abs() < 1e-9 * expected, "{got} {expected}");
            assert_eq!((i64::from(found.rows), found.skipped), (groups, 0));
        }
    }

    const NUMPY: [f64; 3] = [0.46888130202418643, 15.10403491962024, 3.874126347058754];
}
