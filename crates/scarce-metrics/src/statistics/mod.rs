//! How far a figure over cases can be trusted: intervals of means, and tests between runs.
//!
//! | function | what it gives |
//! | --- | --- |
//! | [`bca_interval`] | bias-corrected and accelerated bootstrap interval of a mean (Efron 1987) |
//! | [`percentile_interval`] | percentile bootstrap interval of a mean |
//! | [`t_interval`] | x̄ ± t₍ₙ₋₁₎ s/√n, Student's interval of a mean |
//! | [`wilson_interval`] | score interval of a proportion (Wilson 1927) |
//! | [`wilcoxon_signed_rank`] | signed-rank test of paired differences (Wilcoxon 1945), as SciPy's |
//! | [`paired_bootstrap_p`] | bootstrap test that the mean paired difference is 0 |
//! | [`holm`] | p-values corrected for their number (Holm 1979) |
//! | [`compare`] | all of that for runs over the same cases, by metric and pair of runs |
//!
//! All intervals are at 95 %, all tests two-sided. What is drawn is a function of the seed and of
//! what it is drawn for, the same on any number of threads.
//!
//! Intervals are of means. There is none of a median: a bootstrap of the median of few cases
//! covers it far more rarely than it says.
mod bca;
mod bootstrap;
mod compare;
mod distribution;
mod holm;
mod paired_bootstrap;
pub(crate) mod percentile;
mod proportion;
mod student_t;
mod summary;
mod warning;
mod wilcoxon;

pub use bca::bca_interval;
pub(crate) use bootstrap::RESAMPLES;
pub use bootstrap::percentile_interval;
pub use compare::{CompareError, Comparison, PairedDifference, RunFigures, compare};
pub use holm::holm;
pub use paired_bootstrap::{PAIRED_RESAMPLES, paired_bootstrap_p};
pub use proportion::wilson_interval;
pub use student_t::t_interval;
pub use summary::Summary;
pub use warning::{CaseWarning, FEW_CASES, VERY_FEW_CASES};
pub use wilcoxon::{NullDistribution, SignedRank, wilcoxon_signed_rank, wilcoxon_signed_rank_by};

#[cfg(test)]
mod tests {
    use rand::Rng as _;
    use scarce_image::{Seed, StreamKey};

    use super::*;

    type Interval = fn(&[f64], Seed) -> Option<(f64, f64)>;

    /// Of Beta(9, 1), which is u^(1/9) for uniform u and has mean 0.9.
    fn covered(interval: Interval, n: usize) -> f64 {
        let repeats = 400;
        let holds = |repeat: &u64| {
            let mut rng = Seed(2).stream(StreamKey {
                epoch: *repeat,
                sample_id: "",
                purpose: "coverage",
            });
            let values: Vec<f64> = (0..n)
                .map(|_| rng.random::<f64>().powf(1.0 / 9.0))
                .collect();
            let (low, high) = interval(&values, Seed(*repeat)).unwrap();
            low <= 0.9 && 0.9 <= high
        };
        (0..repeats).filter(holds).count() as f64 / repeats as f64
    }

    /// 400 repetitions leave the share within ±0.03 of the table's; no interval may promise what it
    /// does not keep by far, nor be so wide that it always holds.
    #[test]
    fn intervals_hold_the_mean_about_as_often_as_they_say() {
        let intervals: [(&str, Interval); 3] = [
            ("t", |v, _| t_interval(v)),
            ("percentile", |v, seed| percentile_interval(v, seed, "x")),
            ("bca", |v, seed| bca_interval(v, seed, "x")),
        ];
        for (name, interval) in intervals {
            for n in [20, 50] {
                let share = covered(interval, n);
                assert!((0.87..=0.985).contains(&share), "{name}, n = {n}: {share}");
            }
        }
    }
}
