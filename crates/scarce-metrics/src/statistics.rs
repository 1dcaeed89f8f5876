//! Means with their uncertainty.

use rand::Rng as _;
use scarce_image::{Seed, StreamKey};
use serde::{Deserialize, Serialize};

const RESAMPLES: usize = 2000;

/// A mean over cases and how far to trust it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Mean of the defined cases; none if there is none.
    pub value: Option<f64>,
    /// Lower end of the 95 % interval; none below two cases.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Cases in the mean.
    pub n: usize,
    /// Cases left out for being undefined.
    pub n_undefined: usize,
    /// Cases in the mean that an empty-mask policy scored.
    pub n_penalised: usize,
}

/// The bias-corrected and accelerated bootstrap interval of a mean (Efron 1987) at 95 %, 2000
/// resamples, a function of the seed and `purpose`. `None` below two values.
pub fn bca_interval(values: &[f64], seed: Seed, purpose: &str) -> Option<(f64, f64)> {
    let n = values.len();
    if n < 2 {
        return None;
    }
    let mean = |sum: f64, n: usize| sum / n as f64;
    let total: f64 = values.iter().sum();
    let observed = mean(total, n);
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
            mean(sum, n)
        })
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    if means[0] == means[RESAMPLES - 1] {
        return Some((observed, observed));
    }
    // Ties count half, or a mean of few values would look biased.
    let below = means.iter().filter(|m| **m < observed).count() as f64;
    let equal = means.iter().filter(|m| **m == observed).count() as f64;
    let share = ((below + 0.5 * equal) / RESAMPLES as f64)
        .clamp(0.5 / RESAMPLES as f64, 1.0 - 0.5 / RESAMPLES as f64);
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
        let rank = normal_cdf(adjusted) * (RESAMPLES - 1) as f64;
        means[(rank.round() as usize).min(RESAMPLES - 1)]
    };
    let z = 1.959_963_984_540_054;
    Some((end(-z), end(z)))
}

/// Φ by Abramowitz & Stegun 26.2.17, within 7.5e-8.
fn normal_cdf(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let polynomial = t
        * (0.319_381_530
            + t * (-0.356_563_782
                + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt() * polynomial;
    if z < 0.0 { tail } else { 1.0 - tail }
}

/// Φ⁻¹ by bisection of Φ: 60 halvings of ±10.
fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-10.0, 10.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if normal_cdf(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
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

    #[test]
    fn few_or_equal_values_make_no_false_certainty() {
        assert_eq!(bca_interval(&[0.5], Seed(0), ""), None);
        assert_eq!(bca_interval(&[0.5; 4], Seed(0), ""), Some((0.5, 0.5)));
        assert!((normal_quantile(0.975) - 1.959_964).abs() < 1e-5);
    }

    const SCIPY: [f64; 2] = [0.78800, 0.89400];
}
