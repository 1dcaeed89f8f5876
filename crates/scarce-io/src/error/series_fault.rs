//! What can be wrong with a DICOM series.

use thiserror::Error;

/// Why slices make no volume.
#[derive(Debug, Error, Clone, PartialEq)]
#[non_exhaustive]
pub enum SeriesFault {
    /// There is no image among the files.
    #[error("no image in {files} files")]
    Empty {
        /// Files looked at.
        files: usize,
    },
    /// Several series lie together, and none was asked for.
    #[error("{} series lie together; name one by its SeriesInstanceUID (ReadOptions::with_series_uid): {}", found.len(), found.join(", "))]
    Mixed {
        /// Their `SeriesInstanceUID`s with the count of files.
        found: Vec<String>,
    },
    /// A slice differs from the first one where all must agree.
    #[error("{field} differs: expected {expected} as in the first slice, got {got} in {file}")]
    Differs {
        /// The attribute.
        field: &'static str,
        /// The first slice's.
        expected: String,
        /// This slice's.
        got: String,
        /// Its file.
        file: String,
    },
    /// Slices are missing.
    #[error(
        "{missing} slices missing: expected the next one at {expected_mm} mm, got {got_mm} mm between {before} and {after}"
    )]
    Gap {
        /// How many would fit.
        missing: usize,
        /// Distance of the other slices.
        expected_mm: f64,
        /// Distance here.
        got_mm: f64,
        /// The file before.
        before: String,
        /// The file after.
        after: String,
    },
    /// Slices are not evenly spaced.
    #[error(
        "uneven slices: expected {expected_mm} mm, got {got_mm} mm between {before} and {after}"
    )]
    Uneven {
        /// Distance of the other slices.
        expected_mm: f64,
        /// Distance here.
        got_mm: f64,
        /// The file before.
        before: String,
        /// The file after.
        after: String,
    },
    /// Two slices lie at one place.
    #[error("two slices at one position: {first} and {second}")]
    Duplicate {
        /// A file.
        first: String,
        /// The other one.
        second: String,
    },
    /// A slice lies beside the line through the first and the last.
    #[error("a slice lies {off_mm} mm beside the line of the others: {file}")]
    Astray {
        /// How far.
        off_mm: f64,
        /// Its file.
        file: String,
    },
}

impl SeriesFault {
    /// A short, stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "series-empty",
            Self::Mixed { .. } => "series-mixed",
            Self::Differs { .. } => "series-differs",
            Self::Gap { .. } => "series-gap",
            Self::Uneven { .. } => "series-uneven",
            Self::Duplicate { .. } => "series-duplicate",
            Self::Astray { .. } => "series-astray",
        }
    }
}
