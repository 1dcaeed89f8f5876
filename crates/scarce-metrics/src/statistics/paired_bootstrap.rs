//! The bootstrap test of a mean paired difference.

use rand::Rng as _;
use scarce_image::{Seed, StreamKey};

/// Resamples behind a p-value, which can be no smaller than 1 / 10000.
pub const PAIRED_RESAMPLES: usize = 9999;

/// Two-sided p-value of "the mean difference is 0" (Efron & Tibshirani 1993, section 16.4): the
/// differences are moved to mean 0, n of them drawn with replacement B = 9999 times, and
///
/// p = (1 + #{ |d̄*| ≥ |d̄| }) / (B + 1).
///
/// A function of the seed and `purpose`; the same for d and −d. `None` below two differences, if
/// one is not finite, or if all are 0.
pub fn paired_bootstrap_p(differences: &[f64], seed: Seed, purpose: &str) -> Option<f64> {
    let n = differences.len();
    let finite = differences.iter().all(|d| d.is_finite());
    if n < 2 || !finite || differences.iter().all(|d| *d == 0.0) {
        return None;
    }
    let mean = differences.iter().sum::<f64>() / n as f64;
    let centred: Vec<f64> = differences.iter().map(|d| d - mean).collect();
    let largest = differences.iter().fold(0.0f64, |m, d| m.max(d.abs()));
    // Differences that are all equal, and sums that differ in their last bits alone, are ties.
    let reached = n as f64 * (mean.abs() - 1e-12 * largest);
    let mut rng = seed.stream(StreamKey {
        epoch: 0,
        sample_id: "paired-bootstrap",
        purpose,
    });
    let as_large = (0..PAIRED_RESAMPLES)
        .filter(|_| {
            let sum: f64 = (0..n)
                .map(|_| centred[rng.random_range(0..n as u64) as usize])
                .sum();
            sum.abs() >= reached
        })
        .count();
    Some((1 + as_large) as f64 / (1 + PAIRED_RESAMPLES) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// d = np.array(differences); r = np.random.default_rng(0)
    /// m = (d - d.mean())[r.integers(0, len(d), (1000000, len(d)))].mean(1)
    /// (np.abs(m) >= abs(d.mean()) - 1e-12).mean()
    /// ```
    #[test]
    fn is_close_to_numpys() {
        for (differences, expected) in [
            (
                &[
                    0.02, -0.01, 0.03, 0.04, 0.005, 0.01, -0.02, 0.03, 0.015, 0.02,
                ][..],
                0.0123,
            ),
            (&[0.1, -0.1, 0.2, -0.15, 0.05, 0.02][..], 0.7062),
            (&[-0.3, -0.2, -0.25, -0.1, -0.4, 0.02, -0.3][..], 0.0000),
        ] {
            let p = paired_bootstrap_p(differences, Seed(3), "dice").unwrap();
            assert!((p - expected).abs() < 0.015, "{differences:?}: {p}");
            let negated: Vec<f64> = differences.iter().map(|d| -d).collect();
            assert_eq!(paired_bootstrap_p(&negated, Seed(3), "dice"), Some(p));
        }
    }

    #[test]
    fn the_smallest_is_one_in_ten_thousand_and_nothing_is_made_of_nothing() {
        assert_eq!(paired_bootstrap_p(&[0.5; 8], Seed(0), ""), Some(1e-4));
        for none in [&[][..], &[0.1], &[0.0; 5], &[0.1, f64::NAN]] {
            assert_eq!(paired_bootstrap_p(none, Seed(0), ""), None);
        }
    }
}
