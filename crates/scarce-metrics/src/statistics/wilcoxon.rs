//! Wilcoxon's signed-rank test.

use serde::{Deserialize, Serialize};

use super::distribution::normal_cdf;

/// How the p-value is had from the rank sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NullDistribution {
    /// As SciPy's `method="auto"`: exact for up to 50 differences without ties or zeros, and for
    /// up to 13 with them; else normal.
    #[default]
    Auto,
    /// All 2ⁿ signs of the ranks there are, tied or not (SciPy's `"exact"` without ties, its
    /// `PermutationMethod` with them).
    Exact,
    /// The normal approximation with tie correction and without continuity correction (SciPy's
    /// `"asymptotic"`, formerly `"approx"`).
    Normal,
}

/// The outcome of [`wilcoxon_signed_rank`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SignedRank {
    /// The smaller of the two rank sums, SciPy's `statistic`.
    pub statistic: f64,
    /// Two-sided p-value.
    pub p: f64,
    /// Differences that are not 0.
    pub n: usize,
    /// Differences that are 0 and were left out.
    pub n_zero: usize,
    /// [`NullDistribution::Exact`] or [`NullDistribution::Normal`], whichever was used.
    pub null: NullDistribution,
}

/// Two-sided signed-rank test that paired differences lie symmetrically about 0 (Wilcoxon 1945), as
/// `scipy.stats.wilcoxon` has it: [`NullDistribution::Auto`], and differences of 0 left out
/// (`zero_method="wilcox"`).
///
/// With r the ranks of |d|, ties sharing their mean rank: W₊ = Σ r over d > 0, W₋ = Σ r over d < 0.
/// Exact: p = min(1, 2 min(P(W ≤ W₊), P(W ≥ W₊))). Normal: z = (W₊ − n(n+1)/4) / √v with
/// v = n(n+1)(2n+1)/24 − Σ (t³ − t)/48 over groups of t ties.
///
/// `None` if no difference is left, or if one is not finite.
pub fn wilcoxon_signed_rank(differences: &[f64]) -> Option<SignedRank> {
    wilcoxon_signed_rank_by(differences, NullDistribution::Auto)
}

/// [`wilcoxon_signed_rank`] with the null distribution of one's choice. The exact one takes n³ steps.
pub fn wilcoxon_signed_rank_by(differences: &[f64], null: NullDistribution) -> Option<SignedRank> {
    if !differences.iter().all(|d| d.is_finite()) {
        return None;
    }
    let mut sorted: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let n = sorted.len();
    if n == 0 {
        return None;
    }
    sorted.sort_unstable_by(|a, b| a.abs().total_cmp(&b.abs()));
    let ranked = Ranked::of(&sorted);
    let n_zero = differences.len() - n;
    let exact = match null {
        NullDistribution::Exact => true,
        NullDistribution::Normal => false,
        NullDistribution::Auto if ranked.tie_term > 0 || n_zero > 0 => differences.len() <= 13,
        NullDistribution::Auto => n <= 50,
    };
    let p = if exact {
        exact_p(&ranked)
    } else {
        normal_p(&ranked)
    };
    Some(SignedRank {
        statistic: ranked.positive.min(ranked.total - ranked.positive) as f64 / 2.0,
        p,
        n,
        n_zero,
        null: if exact {
            NullDistribution::Exact
        } else {
            NullDistribution::Normal
        },
    })
}

/// Ranks, doubled so that shared ones are whole too.
struct Ranked {
    doubled: Vec<usize>,
    /// Σ of the doubled ranks of positive differences, 2 W₊.
    positive: usize,
    total: usize,
    /// Σ (t³ − t).
    tie_term: usize,
}

impl Ranked {
    /// Of differences sorted by size.
    fn of(sorted: &[f64]) -> Self {
        let mut ranked = Self {
            doubled: Vec::with_capacity(sorted.len()),
            positive: 0,
            total: sorted.len() * (sorted.len() + 1),
            tie_term: 0,
        };
        for group in sorted.chunk_by(|a, b| a.abs() == b.abs()) {
            let (before, ties) = (ranked.doubled.len(), group.len());
            let doubled = 2 * before + ties + 1;
            ranked.doubled.resize(before + ties, doubled);
            ranked.positive += doubled * group.iter().filter(|d| **d > 0.0).count();
            ranked.tie_term += ties.pow(3) - ties;
        }
        ranked
    }
}

/// By the probability of each rank sum under random signs, rank after rank.
fn exact_p(ranked: &Ranked) -> f64 {
    let mut probability = vec![0.0; ranked.total + 1];
    probability[0] = 1.0;
    let mut reached = 0;
    for rank in &ranked.doubled {
        reached += rank;
        for sum in (0..=reached).rev() {
            let without = probability[sum];
            let with = sum.checked_sub(*rank).map_or(0.0, |rest| probability[rest]);
            probability[sum] = 0.5 * (without + with);
        }
    }
    let at_most: f64 = probability[..=ranked.positive].iter().sum();
    let at_least: f64 = probability[ranked.positive..].iter().sum();
    (2.0 * at_most.min(at_least)).min(1.0)
}

fn normal_p(ranked: &Ranked) -> f64 {
    let n = ranked.doubled.len() as f64;
    let variance = (n * (n + 1.0) * (2.0 * n + 1.0) - ranked.tie_term as f64 / 2.0) / 24.0;
    let deviation = ranked.positive as f64 / 2.0 - n * (n + 1.0) / 4.0;
    (2.0 * normal_cdf(-deviation.abs() / variance.sqrt())).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::NullDistribution::{Auto, Exact, Normal};
    use super::*;

    /// `statistic` and `pvalue` of SciPy 1.17.1's `wilcoxon(d, method=...)` by `"auto"`, `"exact"` and
    /// `"asymptotic"`; with ties or zeros, for exact,
    /// `method=PermutationMethod(n_resamples=10**9)` on the differences that are not 0.
    #[test]
    fn equals_scipys() {
        for (differences, statistic, auto, exact, normal) in [
            (
                &[0.02, -0.01, 0.03, 0.04, 0.005, 0.015, -0.025, 0.035][..],
                7.0,
                0.1484375,
                0.1484375,
                0.12348527214454898,
            ),
            (&[3.0, -1.0, 2.0][..], 1.0, 0.5, 0.5, 0.28504940740261275),
            (&[1.0][..], 0.0, 1.0, 1.0, 0.31731050786291415),
            (
                &[0.1, -0.2, 0.3, 0.1, 0.1, -0.1, 0.4][..],
                7.5,
                0.34375,
                0.34375,
                0.26319907816125776,
            ),
            (
                &[0.0, 0.5, -0.25, 0.0, 0.75, 0.1, 0.3][..],
                2.0,
                0.1875,
                0.1875,
                0.13801073756865956,
            ),
            (
                &[
                    1.0, 1.0, -1.0, 2.0, 2.0, 2.0, -2.0, 3.0, 3.0, 4.0, 5.0, -5.0, 6.0, 7.0, 0.0,
                ][..],
                19.0,
                0.03474230830315128,
                0.0333251953125,
                0.03474230830315128,
            ),
            (
                &[0.5, 0.5, 0.5, 0.5, 0.5, 0.5][..],
                0.0,
                0.03125,
                0.03125,
                0.014305878435429648,
            ),
        ] {
            for (null, p) in [(Auto, auto), (Exact, exact), (Normal, normal)] {
                let got = wilcoxon_signed_rank_by(differences, null).unwrap();
                assert_eq!(got.statistic, statistic, "{differences:?} {null:?}");
                assert!(
                    (got.p - p).abs() < 1e-9,
                    "{differences:?} {null:?}: {got:?}"
                );
                let used = if p == exact { Exact } else { Normal };
                assert_eq!(got.null, used, "{differences:?} {null:?}");
                assert_eq!(got.n + got.n_zero, differences.len());
                let negated: Vec<f64> = differences.iter().map(|d| -d).collect();
                let back = wilcoxon_signed_rank_by(&negated, null).unwrap();
                assert!((back.p - got.p).abs() < 1e-12 && back.statistic == got.statistic);
            }
        }
    }

    /// More differences than a table holds: `d = np.sin(np.arange(1, n + 1) ** 2) + shift`, rounded to
    /// `digits` so that some tie; `wilcoxon(d)` of SciPy 1.17.1.
    #[test]
    fn equals_scipys_for_many() {
        for (n, shift, digits, statistic, p, used) in [
            (20, 0.3, 12, 99.0, 0.8408222198486328, Exact),
            (50, 0.2, 12, 565.0, 0.49032624846387485, Exact),
            (51, 0.2, 12, 593.0, 0.5117323250306174, Normal),
            (20, 0.3, 1, 87.5, 0.7622545952139966, Normal),
            (100, 0.15, 1, 1599.0, 0.011308417650304537, Normal),
            (500, 0.1, 12, 50986.0, 0.00031722553049475877, Normal),
        ] {
            let scale = 10f64.powi(digits);
            let differences: Vec<f64> = (1..=n)
                .map(|k| ((f64::from(k * k).sin() + shift) * scale).round() / scale)
                .collect();
            let got = wilcoxon_signed_rank(&differences).unwrap();
            assert_eq!(got.statistic, statistic, "{n} {shift} {digits}");
            assert!((got.p - p).abs() < 1e-9, "{n} {shift} {digits}: {got:?}");
            assert_eq!(got.null, used, "{n} {shift} {digits}");
        }
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        for none in [&[][..], &[0.0, 0.0], &[0.1, f64::NAN]] {
            assert_eq!(wilcoxon_signed_rank(none), None);
        }
    }
}
