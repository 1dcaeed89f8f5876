//! The bias-corrected and accelerated bootstrap interval of a mean.

use scarce_image::Seed;

use super::bootstrap::resampled_means;
use super::distribution::{Z_975, normal_cdf, normal_quantile};
use super::percentile::percentile;

/// The bias-corrected and accelerated bootstrap interval of a mean (Efron 1987) at 95 %, 2000
/// resamples, a function of the seed and `purpose`. `None` below two values, or if one is not
/// finite. Equal values have the interval of no width: whoever shows it says so
/// ([`CaseWarning::AllEqual`](super::CaseWarning::AllEqual)).
pub fn bca_interval(values: &[f64], seed: Seed, purpose: &str) -> Option<(f64, f64)> {
    resampled_means(values, seed, purpose).map(|means| ends(values, &means))
}

/// The interval's ends from the sorted means of the resamples.
fn ends(values: &[f64], means: &[f64]) -> (f64, f64) {
    let n = values.len();
    let mean = |sum: f64, n: usize| sum / n as f64;
    let total: f64 = values.iter().sum();
    let observed = mean(total, n);
    // The same values summed in another order differ in the last bits: that is still a tie.
    let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let tie = 1e-12 * largest;
    if means.iter().all(|m| (m - observed).abs() <= tie) {
        return (observed, observed);
    }
    // Ties count half, or a mean of few values would look biased.
    let below = means.iter().filter(|m| **m < observed - tie).count() as f64;
    let above = means.iter().filter(|m| **m > observed + tie).count() as f64;
    let count = means.len() as f64;
    let share = (0.5 + 0.5 * (below - above) / count).clamp(0.5 / count, 1.0 - 0.5 / count);
    let bias = normal_quantile(share);
    let jackknife: Vec<f64> = values.iter().map(|v| mean(total - v, n - 1)).collect();
    let centre = mean(jackknife.iter().sum(), n);
    let moment = |power: i32| {
        jackknife
            .iter()
            .map(|j| (centre - j).powi(power))
            .sum::<f64>()
    };
    let spread = moment(2).powf(1.5);
    let acceleration = if spread > 0.0 {
        moment(3) / (6.0 * spread)
    } else {
        0.0
    };
    let end = |z: f64| {
        let adjusted = bias + (bias + z) / (1.0 - acceleration * (bias + z));
        percentile(means, 100.0 * normal_cdf(adjusted))
    };
    (end(-Z_975), end(Z_975))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// import numpy as np
    /// from scipy.stats import bootstrap
    /// v = np.array([.91, .88, .93, .79, .85, .9, .66, .87, .92, .89])
    /// bootstrap((v,), np.mean, method="BCa", n_resamples=200000, random_state=0).confidence_interval
    /// ```
    #[test]
    fn is_close_to_scipys_bca() {
        let values = [0.91, 0.88, 0.93, 0.79, 0.85, 0.9, 0.66, 0.87, 0.92, 0.89];
        let (low, high) = bca_interval(&values, Seed(7), "dice").unwrap();
        assert!(
            (low - SCIPY[0]).abs() < 0.006 && (high - SCIPY[1]).abs() < 0.004,
            "{low} {high}"
        );
        assert_eq!(bca_interval(&values, Seed(7), "dice"), Some((low, high)));
    }

    /// All nⁿ resamples instead of 2000 drawn ones, so that nothing is left to chance:
    /// ```python
    /// means = np.array([np.mean(c) for c in itertools.product(v, repeat=len(v))])
    /// tie = np.isclose(means, np.mean(v), rtol=0, atol=1e-12)
    /// z0 = norm.ppf(((means < np.mean(v)) & ~tie).mean() + tie.mean() / 2)
    /// d = np.mean(v) - [np.delete(v, i).mean() for i in range(len(v))]
    /// a = (d**3).sum() / (6 * (d**2).sum() ** 1.5)
    /// z = z0 + norm.ppf([.025, .975])
    /// np.percentile(means, 100 * norm.cdf(z0 + z / (1 - a * z)))
    /// ```
    #[test]
    fn equals_the_exhaustive_bootstrap() {
        for (values, low, high) in [
            (&[0.5, 0.9][..], 0.515, 0.885),
            (&[0.7, 0.8, 0.9], 0.721_666_666_667, 0.878_333_333_333),
            (
                &[1.2, 3.4, 2.2, 9.5, 1.0, 2.0],
                1.666_666_666_667,
                7.066_666_666_667,
            ),
        ] {
            let n = values.len();
            let mut means: Vec<f64> = (0..n.pow(n as u32))
                .map(|resample| {
                    let drawn = |k: usize| values[resample / n.pow(k as u32) % n];
                    (0..n).map(drawn).sum::<f64>() / n as f64
                })
                .collect();
            means.sort_unstable_by(f64::total_cmp);
            let got = ends(values, &means);
            assert!(
                (got.0 - low).abs() < 1e-9 && (got.1 - high).abs() < 1e-9,
                "{values:?}: {got:?}"
            );
        }
    }

    #[test]
    fn few_or_equal_values_make_no_false_certainty() {
        for none in [
            &[][..],
            &[0.5],
            &[0.5, f64::NAN, 0.6],
            &[0.5, f64::NEG_INFINITY],
        ] {
            assert_eq!(bca_interval(none, Seed(0), ""), None);
        }
        assert_eq!(bca_interval(&[0.5; 4], Seed(0), ""), Some((0.5, 0.5)));
    }

    const SCIPY: [f64; 2] = [0.78800, 0.89400];
}
