//! CORAL: the distance of two feature sets by their covariances (Sun & Saenko, Deep CORAL).

use tch::Tensor;

use crate::CornError;

/// Unbiased covariance of rows `(n, d)`, centred first: `(d, d)`.
///
/// # Errors
/// [`CornError::Rows`] for fewer than two rows.
pub fn covariance(rows: &Tensor) -> Result<Tensor, CornError> {
    let (n, _) = rows.size2()?;
    if n < 2 {
        return Err(CornError::Rows { rows: n });
    }
    let centred = rows - rows.f_mean_dim([0].as_slice(), true, rows.kind())?;
    Ok(centred.f_tr()?.f_matmul(&centred)? / (n - 1) as f64)
}

/// `‖Cov(a) − Cov(b)‖²_F / (4d²)` of rows `(n, d)` and `(m, d)`: eq. 4 of CORN over groups, a scalar.
///
/// # Errors
/// [`CornError::Rows`] for fewer than two rows on a side, [`CornError::Shape`] for another d.
pub fn coral_loss(a: &Tensor, b: &Tensor) -> Result<Tensor, CornError> {
    coral_distance(&covariance(a)?, &covariance(b)?)
}

/// The same from the covariances `(d, d)`.
///
/// # Errors
/// [`CornError::Shape`] when they differ in shape.
pub fn coral_distance(a: &Tensor, b: &Tensor) -> Result<Tensor, CornError> {
    if a.size() != b.size() {
        return Err(CornError::Shape {
            what: "covariances",
            expected: format!("both of {:?}", a.size()),
            got: b.size(),
        });
    }
    let (d, _) = a.size2()?;
    Ok((a - b).f_square()?.f_sum(a.kind())? / (4 * d * d) as f64)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn rows(n: i64, d: i64, phase: f64) -> Tensor {
        let angles = Tensor::arange(n * d, (Kind::Double, Device::Cpu)) * 1.7 + phase;
        (angles.sin() * 2.0 + (angles * 0.37).cos())
            .view([n, d])
            .to_kind(Kind::Float)
    }

    fn loss(a: &Tensor, b: &Tensor) -> f64 {
        coral_loss(a, b).unwrap().double_value(&[])
    }

    fn close(got: f64, expected: f64) {
        assert!(
            (got - expected).abs() <= 1e-5 * expected.abs().max(1e-3),
            "{got} {expected}"
        );
    }

    /// ```python
    /// import numpy as np
    /// def rows(n, d, p):
    ///     a = np.arange(n * d) * 1.7 + p
    ///     return (np.sin(a) * 2 + np.cos(a * .37)).reshape(n, d)
    /// a, b = rows(9, 4, 0), rows(7, 4, .5)
    /// ((np.cov(a.T) - np.cov(b.T)) ** 2).sum() / (4 * 4 ** 2)
    /// ```
    #[test]
    fn equals_numpy() {
        close(loss(&rows(9, 4, 0.0), &rows(7, 4, 0.5)), NUMPY);
    }

    #[test]
    fn has_the_invariances_of_a_covariance() {
        let (a, b) = (rows(9, 4, 0.0), rows(7, 4, 0.5));
        let base = loss(&a, &b);
        close(loss(&a, &a), 0.0);
        close(loss(&b, &a), base);
        let shift = Tensor::from_slice(&[3f32, -1.0, 0.5, 8.0]);
        close(loss(&(&a + &shift), &(&b - &shift)), base);
        close(loss(&(&a * 3.0), &(&b * 3.0)), 81.0 * base);
    }

    #[test]
    fn the_gradient_is_deep_corals() {
        let a = rows(9, 4, 0.0).set_requires_grad(true);
        let b = rows(7, 4, 0.5);
        coral_loss(&a, &b).unwrap().backward();
        let centred = &a - a.mean_dim([0].as_slice(), true, Kind::Float);
        let difference = covariance(&a).unwrap() - covariance(&b).unwrap();
        let closed_form = centred.matmul(&difference) / (16.0 * 8.0);
        let error = (a.grad() - closed_form).abs().max().double_value(&[]);
        assert!(error < 1e-5, "{error}");
    }

    #[test]
    fn too_few_rows_are_an_error_not_a_nan() {
        let one = rows(1, 4, 0.0);
        assert!(matches!(
            coral_loss(&one, &rows(7, 4, 0.0)),
            Err(CornError::Rows { rows: 1 })
        ));
        let narrow = rows(7, 3, 0.0);
        assert!(matches!(
            coral_loss(&narrow, &rows(7, 4, 0.0)),
            Err(CornError::Shape { .. })
        ));
    }

    const NUMPY: f64 = 0.051957126718;
}
