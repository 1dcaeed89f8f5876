//! What a reader of an interval or a p-value has to know besides.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Below this many cases a bootstrap interval covers its mean clearly more rarely than it says.
pub const VERY_FEW_CASES: usize = 10;

/// Below this many cases an interval still is somewhat too narrow for a skewed figure.
pub const FEW_CASES: usize = 50;

/// A reason to trust an interval or a p-value less than it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum CaseWarning {
    /// Fewer than [`VERY_FEW_CASES`].
    VeryFewCases {
        /// How many there are.
        n: usize,
    },
    /// Fewer than [`FEW_CASES`].
    FewCases {
        /// How many there are.
        n: usize,
    },
    /// Fewer than [`FEW_CASES`] of a class that a figure turns on.
    SmallClass {
        /// How many there are.
        n: usize,
    },
    /// All values are equal: an interval made from them has no width, and that proves nothing.
    AllEqual,
    /// Pairs that were left out because one run or both have no value for the case.
    LeftOut {
        /// Cases without a value in run A.
        undefined_in_a: usize,
        /// Cases without a value in run B.
        undefined_in_b: usize,
    },
    /// Two runs agree in every case: there is nothing to test.
    NoDifference,
    /// Resamples in which the figure was undefined, left out of its interval.
    UndefinedResamples {
        /// How many.
        n: usize,
        /// Of how many.
        of: usize,
    },
}

impl CaseWarning {
    /// The warning that the number of cases calls for.
    pub fn of_count(n: usize) -> Option<Self> {
        match n {
            n if n < VERY_FEW_CASES => Some(Self::VeryFewCases { n }),
            n if n < FEW_CASES => Some(Self::FewCases { n }),
            _ => None,
        }
    }

    /// The warnings that a mean of these values calls for.
    pub fn of_values(values: &[f64]) -> Vec<Self> {
        let equal = values.len() > 1 && values.iter().all(|v| *v == values[0]);
        Self::of_count(values.len())
            .into_iter()
            .chain(equal.then_some(Self::AllEqual))
            .collect()
    }
}

impl fmt::Display for CaseWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VeryFewCases { n } => write!(
                f,
                "{n} cases: far too few, the interval is too narrow and a test finds little"
            ),
            Self::FewCases { n } => write!(
                f,
                "{n} cases: the interval is somewhat too narrow if the figure is skewed"
            ),
            Self::SmallClass { n } => write!(
                f,
                "a class has {n} cases: the interval is too narrow, the more so the fewer they are"
            ),
            Self::AllEqual => f.write_str("all values are equal: the interval has no width"),
            Self::LeftOut {
                undefined_in_a,
                undefined_in_b,
            } => write!(
                f,
                "cases undefined in A ({undefined_in_a}) or B ({undefined_in_b}) are left out of both: a run is not \
                 punished for what it failed at"
            ),
            Self::NoDifference => f.write_str("the runs agree in every case: nothing to test"),
            Self::UndefinedResamples { n, of } => {
                write!(f, "undefined in {n} of {of} resamples, which are left out")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_equal_values_are_told() {
        for (values, expected) in [
            (&[0.5][..], &[CaseWarning::VeryFewCases { n: 1 }][..]),
            (
                &[0.5; 9],
                &[CaseWarning::VeryFewCases { n: 9 }, CaseWarning::AllEqual],
            ),
            (&[0.5, 0.6], &[CaseWarning::VeryFewCases { n: 2 }]),
            (
                &[1.0; 10],
                &[CaseWarning::FewCases { n: 10 }, CaseWarning::AllEqual],
            ),
            (&[1.0; 50], &[CaseWarning::AllEqual]),
        ] {
            assert_eq!(CaseWarning::of_values(values), expected, "{values:?}");
        }
        let json = serde_json::to_string(&CaseWarning::FewCases { n: 20 }).unwrap();
        assert_eq!(json, r#"{"kind":"few-cases","n":20}"#);
    }
}
