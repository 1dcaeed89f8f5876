//! How much to hide, and where.

use serde::{Deserialize, Serialize};

/// How much of the region and of the rest is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Policy {
    /// All cells alike: the control that region-weighted masks are compared with.
    Random {
        /// Share of all cells to hide.
        ratio: f64,
    },
    /// MWM: a share of the region's cells and another of the rest. The overall share then depends on
    /// the region's size.
    Region {
        /// Share of the region's cells to hide.
        high: f64,
        /// Share of the other cells to hide.
        low: f64,
    },
    /// A fixed share of all cells, the region's hidden more by `contrast` as far as that is possible.
    Overall {
        /// Share of all cells to hide.
        ratio: f64,
        /// Share hidden of the region minus share hidden of the rest.
        contrast: f64,
    },
}

/// How a share of n cells becomes a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// The nearest count, halves up.
    #[default]
    Nearest,
    /// What is kept is cut down to an integer, `int(n * (1 - ratio))` in f64, as the released MWM code
    /// does: 10 cells at 0.8 keep 1, not 2.
    TruncateKept,
}

impl Rounding {
    /// How many of `n` cells a share of `ratio` hides.
    pub fn hidden(self, n: usize, ratio: f64) -> usize {
        match self {
            // 0.29 · 50 is 14.499999999999998 in f64, but the caller wrote 14.5.
            Self::Nearest => ((n as f64 * ratio + 1e-9) + 0.5).floor() as usize,
            Self::TruncateKept => n - (n as f64 * (1.0 - ratio)) as usize,
        }
        .min(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nearest count in exact arithmetic: ratios of thousandths over integers.
    #[test]
    fn nearest_is_exact_for_every_count() {
        for thousandths in [
            1, 100, 125, 200, 290, 333, 400, 500, 600, 700, 750, 800, 999,
        ] {
            for n in 0..=4096usize {
                let expected = (2 * n * thousandths + 1000) / 2000;
                let got = Rounding::Nearest.hidden(n, thousandths as f64 / 1000.0);
                assert_eq!(got, expected, "{n} cells at {thousandths}/1000");
            }
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
    }

    #[test]
    fn configuration_is_read_as_written() {
        for (json, policy) in [
            (
                r#"{"kind":"random","ratio":0.6}"#,
                Policy::Random { ratio: 0.6 },
            ),
            (
                r#"{"kind":"region","high":0.8,"low":0.4}"#,
                Policy::Region {
                    high: 0.8,
                    low: 0.4,
                },
            ),
            (
                r#"{"kind":"overall","ratio":0.6,"contrast":0.2}"#,
                Policy::Overall {
                    ratio: 0.6,
                    contrast: 0.2,
                },
            ),
        ] {
            assert_eq!(serde_json::from_str::<Policy>(json).unwrap(), policy);
            assert_eq!(serde_json::to_string(&policy).unwrap(), json);
        }
        for wrong in [
            r#"{"kind":"random","ratio":0.6,"low":0.1}"#,
            r#"{"kind":"region","high":0.8}"#,
            r#"{"kind":"Random","ratio":0.6}"#,
            r#"{"ratio":0.6}"#,
        ] {
            assert!(serde_json::from_str::<Policy>(wrong).is_err(), "{wrong}");
        }
        let rounding = serde_json::to_string(&Rounding::TruncateKept).unwrap();
        assert_eq!(rounding, r#""truncate-kept""#);
    }
}
