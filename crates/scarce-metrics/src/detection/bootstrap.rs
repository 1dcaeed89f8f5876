//! Intervals of figures that are no mean over cases: the cases are drawn anew, and the figure taken again.

use rand::Rng as _;
use rayon::prelude::*;
use scarce_image::{Seed, StreamKey};

use crate::statistics::percentile::percentile;

/// How often each of `n` cases comes in a resample of `n` draws; a function of the seed, the purpose and the resample.
fn multiplicities(n: usize, seed: Seed, purpose: &str, resample: u64) -> Vec<u32> {
    let mut rng = seed.stream(StreamKey {
        epoch: resample,
        sample_id: "",
        purpose,
    });
    let mut times = vec![0; n];
    for _ in 0..n {
        times[rng.random_range(0..n as u64) as usize] += 1;
    }
    times
}

/// The figures of each resample, NaN where undefined: `figures` is handed the cases' multiplicities and scratch space.
/// None below two cases. The same on any number of threads.
pub(super) fn resampled<S: Default>(
    n: usize,
    resamples: usize,
    seed: Seed,
    purpose: &str,
    figures: impl Fn(&[u32], &mut S) -> Vec<f64> + Sync,
) -> Vec<Vec<f64>> {
    if n < 2 {
        return Vec::new();
    }
    (0..resamples as u64)
        .into_par_iter()
        .map_init(S::default, |scratch, resample| {
            figures(&multiplicities(n, seed, purpose, resample), scratch)
        })
        .collect()
}

/// The 95 % percentile interval (Efron 1979) of a figure over the resamples that define it; none below two of them.
pub(super) fn interval(resamples: &[Vec<f64>], figure: usize) -> Option<(f64, f64)> {
    let values = resamples
        .iter()
        .filter_map(|figures| figures.get(figure).copied());
    let mut values: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
    if values.len() < 2 {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    Some((percentile(&values, 2.5), percentile(&values, 97.5)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_resample_draws_as_many_cases_as_there_are() {
        for n in [1, 2, 50] {
            for resample in 0..20 {
                let times = multiplicities(n, Seed(3), "test", resample);
                assert_eq!(times.iter().sum::<u32>() as usize, n);
            }
        }
        let draw = |seed, resample| multiplicities(50, Seed(seed), "test", resample);
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn undefined_resamples_are_left_out() {
        let of = |values: &[f64]| values.iter().map(|v| vec![*v]).collect::<Vec<_>>();
        assert_eq!(interval(&of(&[]), 0), None);
        assert_eq!(interval(&of(&[1.0, f64::NAN]), 0), None);
        assert_eq!(interval(&of(&[2.0, f64::NAN, 2.0]), 0), Some((2.0, 2.0)));
        let (low, high) = interval(&of(&[3.0, 1.0, 2.0]), 0).unwrap();
        assert!((low - 1.05).abs() < 1e-12 && (high - 2.95).abs() < 1e-12);
    }
}
