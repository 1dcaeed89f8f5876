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

impl UnknownWord {
    pub(crate) fn new(what: &'static str, got: &str, expected: &'static str) -> Self {
        let got = got.to_owned();
        Self {
            what,
            got,
            expected,
        }
    }
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
                    _ => Err(UnknownWord::new($what, word, $expected)),
                }
            }
        }
    };
}

choice! {
    /// What a surface is and how its distances make one figure.
    ///
    /// [`Pooled`](Self::Pooled) and [`MaxDirected`](Self::MaxDirected) differ in `hd95` alone. [`Area`](Self::Area) changes `hd`,
    /// `hd95`, `asd`, `assd`, `masd` and `nsd`. Overlaps, volumes and `boundary_iou` are the same under all three.
    Convention ("convention": "pooled, max-directed or area") {
        /// Surfaces of voxels; percentile of both directions' distances together (medpy; the left-atrium
        /// papers).
        #[default]
        Pooled = "pooled",
        /// Surfaces of voxels; the larger of the two directed percentiles (MONAI, Metrics Reloaded).
        MaxDirected = "max-directed",
        /// Surface elements between voxels, each weighing by its area, in 2-D by its length; the larger of the
        /// two directed percentiles, not interpolated (`DeepMind`'s surface-distance).
        Area = "area",
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
    /// What a case scores when a mask is empty. Two empty masks agree: overlaps 1, distances and errors
    /// 0, but for the last policy. One empty mask overlaps by 0 under each: `dice`, `jaccard`, `boundary_iou` and `nsd` are
    /// always defined. Where a figure isn't, which is any distance, `precision` without a prediction, `recall` and
    /// `relative_volume_error` without a reference:
    EmptyPolicy ("empty-mask policy": "undefined, worst-case or legacy-zero") {
        /// It is undefined, counted, and left out of means.
        #[default]
        Undefined = "undefined",
        /// It is the worst that the image allows, counted as penalised: distances the diagonal between the
        /// centres of opposite corner voxels, `precision` and `recall` 0, `relative_volume_error` 1, which has no worst
        /// (Metrics Reloaded's 100 %).
        WorstCase = "worst-case",
        /// It is 0, of distances the best score for the worst case, and two empty masks overlap by 0: the
        /// rule of UA-MT's and SSL4MIS's evaluation, only to compare with tables made by it.
        LegacyZero = "legacy-zero",
    }
}

/// How near its boundary a voxel of a mask counts for `boundary_iou`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BoundaryWidth {
    /// From which d steps, diagonal ones included, lead out of the mask or the image, d being this share of
    /// the image's diagonal in voxels, rounded, at least 1: an erosion by a square, as Cheng et al. 2021
    /// take it in 2-D (their default 0.02, and 0.005 for Cityscapes and LVIS).
    DiagonalShare(f64),
    /// Less than so many voxels from one of the mask's own surface voxels, Euclidean, whatever the spacing, as
    /// Metrics Reloaded takes it (its `boundary_dist`, by default 1, which is the surface voxels alone).
    Voxels(f64),
}

impl Default for BoundaryWidth {
    fn default() -> Self {
        Self::DiagonalShare(0.02)
    }
}

impl fmt::Display for BoundaryWidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DiagonalShare(share) => write!(f, "{share} of the image's diagonal"),
            Self::Voxels(width) => write!(f, "{width} voxels"),
        }
    }
}

/// How cases are scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SegmentationOptions {
    /// _Default:_ [`Convention::Pooled`].
    pub convention: Convention,
    /// _Default:_ [`Unit::Mm`].
    pub unit: Unit,
    /// _Default:_ [`EmptyPolicy::Undefined`].
    pub empty: EmptyPolicy,
    /// Where `nsd` is taken when no tolerance is named, in `unit`. _Default:_ 1 and 2.
    pub tolerances: Vec<f64>,
    /// _Default:_ 0.02 of the diagonal.
    pub boundary: BoundaryWidth,
}

impl Default for SegmentationOptions {
    fn default() -> Self {
        Self {
            convention: Convention::default(),
            unit: Unit::default(),
            empty: EmptyPolicy::default(),
            tolerances: vec![1.0, 2.0],
            boundary: BoundaryWidth::default(),
        }
    }
}

impl SegmentationOptions {
    /// With another convention.
    #[must_use]
    pub fn with_convention(self, convention: Convention) -> Self {
        Self { convention, ..self }
    }

    /// With another unit.
    #[must_use]
    pub fn with_unit(self, unit: Unit) -> Self {
        Self { unit, ..self }
    }

    /// With another policy for empty masks.
    #[must_use]
    pub fn with_empty(self, empty: EmptyPolicy) -> Self {
        Self { empty, ..self }
    }

    /// With other tolerances for `nsd`, in the unit of distances.
    #[must_use]
    pub fn with_tolerances(self, tolerances: Vec<f64>) -> Self {
        Self { tolerances, ..self }
    }

    /// With another width for `boundary_iou`.
    #[must_use]
    pub fn with_boundary(self, boundary: BoundaryWidth) -> Self {
        Self { boundary, ..self }
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
        check::<Convention>(&["pooled", "max-directed", "area"], "pooled");
        check::<Unit>(&["mm", "voxel"], "mm");
        check::<EmptyPolicy>(&["undefined", "worst-case", "legacy-zero"], "undefined");
    }
}
