//! CORAL: the distance of two feature sets by their covariances (Sun & Saenko, Deep CORAL).

use tch::{Kind, Tensor};

use crate::CornError;

/// Unbiased covariance of rows `(n, d)`, centred first: `(d, d)`.
///
/// # Errors
/// [`CornError::Rows`] for fewer than two rows; [`CornError::Shape`] unless the rows are a matrix of at
/// least one column and of a floating-point kind.
pub fn covariance(rows: &Tensor) -> Result<Tensor, CornError> {
    let kind = rows.kind();
    let size = rows.size();
    let [n, d] = size[..] else {
        return Err(not_rows(size));
    };
    if n < 2 {
        return Err(CornError::Rows { rows: n });
    }
    if d < 1
        || !matches!(
            kind,
            Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16
        )
    {
        return Err(not_rows(size));
    }
    let centred = rows.f_sub(&rows.f_mean_dim([0].as_slice(), true, kind)?)?;
    Ok(centred.f_tr()?.f_matmul(&centred)? / (n - 1) as f64)
}

fn not_rows(got: Vec<i64>) -> CornError {
    CornError::Shape {
        what: "feature rows",
        expected: "floating-point (n, d) with d at least 1".to_owned(),
        got,
    }
}

/// `‖Cov(a) − Cov(b)‖²_F / (4d²)` of rows `(n, d)` and `(m, d)`, a scalar: Sun & Saenko's loss, eq. 4
/// of CORN taken over groups of voxels.
///
/// # Errors
/// [`CornError::Rows`] for fewer than two rows on a side, [`CornError::Shape`] for another d.
pub fn coral_loss(a: &Tensor, b: &Tensor) -> Result<Tensor, CornError> {
    coral_distance(&covariance(a)?, &covariance(b)?)
}

/// The same from the covariances `(d, d)`.
///
/// # Errors
/// [`CornError::Shape`] when they are not square or differ in shape.
pub fn coral_distance(a: &Tensor, b: &Tensor) -> Result<Tensor, CornError> {
    let size = a.size();
    let [d, e] = size[..] else {
        return Err(not_covariances(&size, size.clone()));
    };
    if d != e || d < 1 || b.size() != size {
        return Err(not_covariances(&size, b.size()));
    }
    Ok(a.f_sub(b)?.f_square()?.f_sum(a.kind())? / (4 * d * d) as f64)
}

fn not_covariances(first: &[i64], got: Vec<i64>) -> CornError {
    CornError::Shape {
        what: "covariances",
        expected: format!("two square matrices of one size, the first is {first:?}"),
        got,
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

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

    /// Central differences in double, through every entry of `a`.
    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let double = |t: Tensor| t.to_kind(Kind::Double);
        let a = double(rows(5, 3, 0.2)).set_requires_grad(true);
        let b = double(rows(6, 3, 0.9));
        coral_loss(&a, &b).unwrap().backward();
        let gradient = Vec::<f64>::try_from(a.grad().view([-1])).unwrap();
        let base = Vec::<f64>::try_from(a.detach().view([-1])).unwrap();
        let step = 1e-5;
        for (k, got) in gradient.iter().enumerate() {
            let moved = |by: f64| {
                let mut values = base.clone();
                values[k] += by;
                loss(&Tensor::from_slice(&values).view([5, 3]), &b)
            };
            let expected = (moved(step) - moved(-step)) / (2.0 * step);
            assert!((got - expected).abs() < 1e-8, "entry {k}: {got} {expected}");
        }
    }

    /// Data whitened and coloured to a covariance A have exactly that distance to B's.
    #[test]
    fn is_the_distance_of_the_covariances_it_was_given() {
        let white = {
            let raw = rows(50, 2, 0.4).to_kind(Kind::Double);
            let centred = &raw - raw.mean_dim([0].as_slice(), true, Kind::Double);
            let lower = covariance(&centred).unwrap().linalg_cholesky(false);
            centred.matmul(&lower.inverse().tr())
        };
        let a = white.matmul(&Tensor::from_slice(&[2.0, 0.0, 0.0, 1.0]).view([2, 2]));
        // Covariances diag(4, 1) and the identity: (9 + 0)/(4 · 4).
        close(loss(&a, &white), 9.0 / 16.0);
    }

    #[test]
    fn too_few_rows_are_an_error_not_a_nan() {
        let one = rows(1, 4, 0.0);
        assert!(matches!(
            coral_loss(&one, &rows(7, 4, 0.0)),
            Err(CornError::Rows { rows: 1 })
        ));
        for unfit in [
            Tensor::zeros([4], (Kind::Float, Device::Cpu)),
            Tensor::zeros([4, 0], (Kind::Float, Device::Cpu)),
            Tensor::zeros([4, 4], (Kind::Int64, Device::Cpu)),
        ] {
            assert!(matches!(covariance(&unfit), Err(CornError::Shape { .. })));
        }
        let narrow = rows(7, 3, 0.0);
        assert!(matches!(
            coral_loss(&narrow, &rows(7, 4, 0.0)),
            Err(CornError::Shape { .. })
        ));
    }

    const NUMPY: f64 = 0.051957126718;
}
