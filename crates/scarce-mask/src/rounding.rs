//! How a share of n cells becomes a count.

use serde::{Deserialize, Serialize};

/// How a share of n cells becomes a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// The nearest count; of two equally near the larger, so a half hides. The share counts as it is
    /// written in decimals: of 50 cells at 0.29 that is 14.5 and 15 are hidden, although the product
    /// in f64 is 14.499999999999998.
    #[default]
    Nearest,
    /// What is kept is cut down to an integer, `int(n * (1 - ratio))` in f64, as the released code of
    /// MWM (arXiv 2509.23054) and MAE (arXiv 2111.06377) do: of 10 cells at 0.8 it keeps 1, not 2.
    TruncateKept,
}

impl Rounding {
    /// How many of `n` cells a share of `ratio` hides.
    pub fn hidden(self, n: usize, ratio: f64) -> usize {
        match self {
            // A decimal's f64 and its product with n are each off by half a unit in the last place at
            // most: four of them lift what was written as a half to a half.
            Self::Nearest => (n as f64 * ratio * (1.0 + 2.0 * f64::EPSILON) + 0.5).floor() as usize,
            Self::TruncateKept => n - ((n as f64 * (1.0 - ratio)) as usize).min(n),
        }
        .min(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nearest count in integers: shares of thousandths.
    fn check(n: usize, thousandths: usize) {
        let expected = (2 * n * thousandths + 1000) / 2000;
        let got = Rounding::Nearest.hidden(n, thousandths as f64 / 1000.0);
        assert_eq!(got, expected, "{n} cells at {thousandths}/1000");
    }

    #[test]
    fn nearest_is_exact_for_every_count() {
        let twentieths = (0..=20).map(|k| 50 * k);
        for thousandths in twentieths.chain([1, 125, 290, 333, 375, 999]) {
            for n in 0..=4096 {
                check(n, thousandths);
            }
        }
        // As fine as a volume's grid may be.
        for n in [262_144, 1_000_001, 16_777_215, 134_217_729] {
            for thousandths in 0..=1000 {
                check(n, thousandths);
            }
        }
    }

    /// A checksum over every count, from Python, whose `int` and f64 the released code runs on:
    ///
    /// ```python
    /// for k in range(21):
    ///     print(sum((n + 1) * (n - int(n * (1 - k / 20))) for n in range(4097)))
    /// ```
    #[test]
    fn truncation_is_the_released_codes() {
        let sums = [
            0,
            1150150860,
            2296106395,
            3442479925,
            4588012340,
            5733964800,
            6880890045,
            8027133543,
            9172666778,
            10319460558,
            11463734272,
            12612157013,
            13757320397,
            14904180591,
            16050069710,
            17195601920,
            18343654604,
            19488768615,
            20635560549,
            21781097680,
            22923272192,
        ];
        for (k, expected) in sums.into_iter().enumerate() {
            let hidden = |n| Rounding::TruncateKept.hidden(n, k as f64 / 20.0);
            let sum: usize = (0..=4096).map(|n| (n + 1) * hidden(n)).sum();
            assert_eq!(sum, expected, "{k}/20");
        }
    }

    /// `[n - int(n * (1 - .8)) for n in (4, 5, 9, 10, 15, 16, 49)]` in Python.
    #[test]
    fn truncation_falls_into_the_released_codes_trap() {
        for (n, hidden) in [
            (4, 4),
            (5, 5),
            (9, 8),
            (10, 9),
            (15, 13),
            (16, 13),
            (49, 40),
        ] {
            assert_eq!(Rounding::TruncateKept.hidden(n, 0.8), hidden, "{n} cells");
        }
        assert_eq!(Rounding::Nearest.hidden(10, 0.8), 8);
        let written = serde_json::to_string(&Rounding::TruncateKept).unwrap();
        assert_eq!(written, r#""truncate-kept""#);
    }
}
