//! The normal and Student's distribution, to 1e-9, from `statrs`.

use statrs::distribution::{Continuous as _, ContinuousCDF as _, Normal, StudentsT};

/// Φ⁻¹(0.975).
pub(crate) const Z_975: f64 = 1.959_963_984_540_054;

/// Φ, the standard normal distribution function.
pub(super) fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// Φ⁻¹ for p in (0, 1).
pub(super) fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// The p-quantile of Student's distribution, p in (0, 1); none below one degree of freedom.
pub(super) fn student_quantile(p: f64, degrees_of_freedom: usize) -> Option<f64> {
    if degrees_of_freedom == 0 {
        return None;
    }
    let student = StudentsT::new(0.0, 1.0, degrees_of_freedom as f64).ok()?;
    let start = student.inverse_cdf(p);
    // The inverse loses digits with the degrees of freedom (1e-8 at 10⁴); a Newton step regains them.
    Some(start - (student.cdf(start) - p) / student.pdf(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.special.ndtr(z)`, `scipy.special.ndtri(p)`.
    #[test]
    fn normal_equals_scipys() {
        for (z, expected) in [
            (-8.0, 6.22096057427174e-16),
            (-5.0, 2.866515718791933e-07),
            (-3.1, 0.0009676032132183563),
            (-1.96, 0.024997895148220435),
            (-0.75, 0.2266273523768682),
            (-0.1, 0.460172162722971),
            (0.0, 0.5),
            (0.4, 0.6554217416103242),
            (1.5, 0.9331927987311419),
            (2.75, 0.9970202367649454),
            (6.0, 0.9999999990134123),
        ] {
            let got = normal_cdf(z);
            assert!((got - expected).abs() < 1e-9, "Φ({z}): {got}");
            // The tails too: a p-value there is small itself.
            assert!((got / expected - 1.0).abs() < 1e-9, "Φ({z}): {got}");
        }
        for (p, expected) in [
            (1e-12, -7.034483825301131),
            (0.0001, -3.7190164854556804),
            (0.00025, -3.480756404346212),
            (0.025, -1.9599639845400545),
            (0.3, -0.5244005127080409),
            (0.5, 0.0),
            (0.75, 0.6744897501960817),
            (0.975, 1.959963984540054),
            (0.9999, 3.719016485455709),
        ] {
            let got = normal_quantile(p);
            assert!((got - expected).abs() < 1e-9, "Φ⁻¹({p}): {got}");
        }
        assert!((normal_quantile(0.975) - Z_975).abs() < 1e-14);
    }

    /// `scipy.stats.t.ppf(p, df)`.
    #[test]
    fn student_equals_scipys() {
        for (p, degrees_of_freedom, expected) in [
            (0.975, 1, 12.706204736174694),
            (0.975, 2, 4.302652729749462),
            (0.975, 4, 2.7764451051977934),
            (0.975, 19, 2.0930240544083087),
            (0.025, 19, -2.09302405440831),
            (0.995, 49, 2.679951973631552),
            (0.975, 99, 1.9842169515864174),
            (0.9, 999, 1.2823995700373971),
            (0.975, 9999, 1.960201263621357),
            (0.9, 99999, 1.2815600315340214),
        ] {
            let got = student_quantile(p, degrees_of_freedom).unwrap();
            assert!(
                (got - expected).abs() < 1e-9,
                "t({p}, {degrees_of_freedom}): {got}"
            );
        }
        assert_eq!(student_quantile(0.975, 0), None);
    }
}
