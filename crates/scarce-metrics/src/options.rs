//! The choices that decide what a figure means.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A word that names no choice.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("unknown {what} {got:?}: expected {expected}")]
pub struct UnknownWord {
    what: &'static str,
    got: String,
    expected: &'static str,
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident ($what:literal: $expected:literal) {
        $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),+ })
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { what: $what, got: word.to_owned(), expected: $expected }),
                }
            }
        }
    };
}

choice! {
    /// How the distances of the two surfaces make one percentile.
    Convention ("convention": "pooled or max-directed") {
        /// Percentile of both directions' distances together (medpy; the left-atrium papers).
        #[default]
        Pooled = "pooled",
        /// The larger of the two directed percentiles (MONAI, Metrics Reloaded).
        MaxDirected = "max-directed",
    }
}

choice! {
    /// The unit of distances.
    Unit ("unit": "mm or voxel") {
        /// Millimetres, by the geometry's spacing.
        #[default]
        Mm = "mm",
        /// Voxels, whatever their size (what most left-atrium tables hold).
        Voxel = "voxel",
    }
}

choice! {
    /// What a case scores when a mask is empty. Two empty masks agree: overlaps 1, distances 0, but
    /// for the last policy.
    EmptyPolicy ("empty-mask policy": "undefined, worst-case or legacy-zero") {
        /// Distances are undefined, counted, and left out of means.
        #[default]
        Undefined = "undefined",
        /// Distances are the diagonal of the image, counted as penalised.
        WorstCase = "worst-case",
        /// Distances are 0, the best score for the worst case, and two empty masks overlap by 0: the
        /// rule of UA-MT's and SSL4MIS's evaluation, only to compare with tables made by it.
        LegacyZero = "legacy-zero",
    }
}

/// How cases are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SegmentationOptions {
    /// _Default:_ [`Convention::Pooled`].
    pub convention: Convention,
    /// _Default:_ [`Unit::Mm`].
    pub unit: Unit,
    /// _Default:_ [`EmptyPolicy::Undefined`].
    pub empty: EmptyPolicy,
}

impl SegmentationOptions {
    /// With another convention.
    #[must_use]
    pub fn with_convention(mut self, convention: Convention) -> Self {
        self.convention = convention;
        self
    }

    /// With another unit.
    #[must_use]
    pub fn with_unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// With another policy for empty masks.
    #[must_use]
    pub fn with_empty(mut self, empty: EmptyPolicy) -> Self {
        self.empty = empty;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text, display and JSON use one word; anything else is refused with the words there are.
    fn check<T>(words: &[&str], default: &str)
    where
        T: FromStr<Err = UnknownWord> + fmt::Display + fmt::Debug + Default + PartialEq,
        T: Serialize + for<'de> Deserialize<'de>,
    {
        for word in words {
            let choice: T = word.parse().unwrap();
            assert_eq!(choice.to_string(), *word);
            let json = serde_json::to_string(&choice).unwrap();
            assert_eq!(json, format!("\"{word}\""));
            assert_eq!(serde_json::from_str::<T>(&json).unwrap(), choice);
        }
        assert_eq!(T::default().to_string(), default);
        for wrong in ["", "MM", "Pooled", "worst_case"] {
            let message = wrong.parse::<T>().unwrap_err().to_string();
            assert!(message.contains(&format!("{wrong:?}")), "{message}");
            for word in words {
                assert!(message.contains(word), "{message} lacks {word}");
            }
        }
    }

    #[test]
    fn words_go_both_ways_and_errors_name_them() {
        check::<Convention>(&["pooled", "max-directed"], "pooled");
        check::<Unit>(&["mm", "voxel"], "mm");
        check::<EmptyPolicy>(&["undefined", "worst-case", "legacy-zero"], "undefined");
    }
}
