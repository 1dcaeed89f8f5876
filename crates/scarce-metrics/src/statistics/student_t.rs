//! Student's interval of a mean.

use super::distribution::student_quantile;

/// x̄ ± t₍ₙ₋₁₎(0.975) s/√n, Student's interval of a mean at 95 % (s with n − 1). `None` below two
/// values, or if one is not finite. It may end outside the figure's range: a mean Dice of 0.97 can
/// have an upper end above 1.
pub fn t_interval(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len();
    if n < 2 || !values.iter().all(|v| v.is_finite()) {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    let standard_error = (squares / (n - 1) as f64 / n as f64).sqrt();
    let half = student_quantile(0.975, n - 1)? * standard_error;
    Some((mean - half, mean + half))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.t.interval(.95, len(v) - 1, v.mean(), v.std(ddof=1) / np.sqrt(len(v)))`
    #[test]
    fn equals_scipys() {
        for (values, low, high) in [
            (
                &[0.91, 0.88, 0.93, 0.79, 0.85, 0.9, 0.66, 0.87, 0.92, 0.89][..],
                0.8020801370932069,
                0.9179198629067933,
            ),
            (&[1.0, 4.0], -16.55930710426204, 21.55930710426204),
            (&[0.5; 6], 0.5, 0.5),
        ] {
            let got = t_interval(values).unwrap();
            assert!(
                (got.0 - low).abs() < 1e-9 && (got.1 - high).abs() < 1e-9,
                "{values:?}: {got:?}"
            );
        }
        for none in [&[][..], &[0.5], &[0.5, f64::NAN]] {
            assert_eq!(t_interval(none), None);
        }
    }
}
