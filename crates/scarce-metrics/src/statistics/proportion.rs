//! The interval of a proportion.

use super::distribution::Z_975;

/// Wilson's score interval at 95 % of `successes` among `n` (Wilson 1927, no continuity
/// correction): where |p̂ − p| = z √(p(1−p)/n). Unlike a bootstrap it keeps its width where all
/// cases agree: 20 of 20 leave [0.839, 1]. `None` for n = 0 or more successes than cases.
pub fn wilson_interval(successes: usize, n: usize) -> Option<(f64, f64)> {
    if n == 0 || successes > n {
        return None;
    }
    let (count, share) = (n as f64, successes as f64 / n as f64);
    let z2 = Z_975 * Z_975;
    let centre = (share + z2 / (2.0 * count)) / (1.0 + z2 / count);
    let half = Z_975 / (1.0 + z2 / count)
        * (share * (1.0 - share) / count + z2 / (4.0 * count * count)).sqrt();
    // Exact at the ends, where rounding would leave 1e-17.
    let low = if successes == 0 { 0.0 } else { centre - half };
    let high = if successes == n { 1.0 } else { centre + half };
    Some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.binomtest(k, n).proportion_ci(method="wilson")`
    #[test]
    fn equals_scipys() {
        for (successes, n, low, high) in [
            (0, 1, 0.0, 0.7934506856227626),
            (1, 1, 0.20654931437723745, 1.0),
            (20, 20, 0.8388748419471808, 1.0),
            (0, 20, 0.0, 0.16112515805281935),
            (17, 20, 0.6395811352592431, 0.9476312541037835),
            (3, 7, 0.1582198552514697, 0.7495416354723428),
            (950, 1000, 0.9346861797557491, 0.9618697376072511),
        ] {
            let got = wilson_interval(successes, n).unwrap();
            assert!(
                (got.0 - low).abs() < 1e-9 && (got.1 - high).abs() < 1e-9,
                "{successes} of {n}: {got:?}"
            );
        }
        assert_eq!(wilson_interval(0, 0), None);
        assert_eq!(wilson_interval(3, 2), None);
    }
}
