//! Means of cases drawn with replacement.

use rand::Rng as _;
use scarce_image::{Seed, StreamKey};

use super::percentile::percentile;

/// Resamples behind an interval.
pub(crate) const RESAMPLES: usize = 2000;

/// The percentile bootstrap interval of a mean at 95 %: the 2.5th and 97.5th percentile of the
/// means of 2000 resamples, the same resamples as [`bca_interval`](super::bca_interval)'s. `None`
/// below two values, or if one is not finite.
pub fn percentile_interval(values: &[f64], seed: Seed, purpose: &str) -> Option<(f64, f64)> {
    let means = resampled_means(values, seed, purpose)?;
    Some((percentile(&means, 2.5), percentile(&means, 97.5)))
}

/// The sorted means of [`RESAMPLES`] resamples; none below two values, or if one is not finite.
pub(super) fn resampled_means(values: &[f64], seed: Seed, purpose: &str) -> Option<Vec<f64>> {
    let n = values.len();
    if n < 2 || !values.iter().all(|v| v.is_finite()) {
        return None;
    }
    let mut rng = seed.stream(StreamKey {
        epoch: 0,
        sample_id: "",
        purpose,
    });
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let sum: f64 = (0..n)
                .map(|_| values[rng.random_range(0..n as u64) as usize])
                .sum();
            sum / n as f64
        })
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    Some(means)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// v = np.array([.91, .88, .93, .79, .85, .9, .66, .87, .92, .89])
    /// scipy.stats.bootstrap((v,), np.mean, method="percentile", n_resamples=200000, rng=np.random.default_rng(0))
    /// ```
    #[test]
    fn is_close_to_scipys_percentile_interval() {
        let values = [0.91, 0.88, 0.93, 0.79, 0.85, 0.9, 0.66, 0.87, 0.92, 0.89];
        let (low, high) = percentile_interval(&values, Seed(7), "dice").unwrap();
        assert!(
            (low - 0.807).abs() < 0.005 && (high - 0.9).abs() < 0.004,
            "{low} {high}"
        );
        assert_eq!(
            percentile_interval(&values, Seed(7), "dice"),
            Some((low, high))
        );
        for none in [&[][..], &[0.5], &[0.5, f64::NAN], &[0.5, f64::INFINITY]] {
            assert_eq!(percentile_interval(none, Seed(0), ""), None);
        }
    }
}
