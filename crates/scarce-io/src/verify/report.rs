//! What was found, file by file.

use std::path::PathBuf;

use serde::Serialize;

use crate::{IoError, Warning, text_paths};

/// How a file fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Read whole, nothing to say.
    Ok,
    /// Read whole, with a reservation.
    Warning,
    /// Not readable as it is.
    Error,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fault {
    /// A short, stable name.
    pub code: &'static str,
    /// What is wrong, in words.
    pub message: String,
    /// Where in the file, where that is known.
    pub at: Option<Place>,
}

/// A place inside a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The byte behind the last one that is there or is right, from the start of the part that the
    /// message names (the voxels are counted as they are without compression).
    Byte(u64),
    /// A voxel.
    VoxelZyx([usize; 3]),
}

impl Fault {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            at: None,
        }
    }

    pub(super) fn of_error(error: &IoError) -> Self {
        let at = match error {
            IoError::NonFinite { first_zyx, .. } => Some(Place::VoxelZyx(*first_zyx)),
            IoError::Label { at_zyx, .. } => Some(Place::VoxelZyx(*at_zyx)),
            IoError::Truncated { got, .. } => Some(Place::Byte(*got)),
            IoError::Trailing { expected, .. } => Some(Place::Byte(*expected)),
            _ => None,
        };
        Self {
            at,
            ..Self::new(error.code(), error.to_string())
        }
    }

    pub(super) fn of_warning(warning: &Warning) -> Self {
        let count = match warning.count {
            1 => String::new(),
            n => format!(" ({n} times)"),
        };
        Self::new(warning.code, format!("{}{count}", warning.message))
    }
}

/// A file or folder and what was found.
pub(super) type Judged = (PathBuf, Status, Vec<Fault>);

/// What is wrong with one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileReport {
    /// The file.
    #[serde(serialize_with = "text_paths::one")]
    pub path: PathBuf,
    /// How it fared.
    pub status: Status,
    /// Why.
    pub faults: Vec<Fault>,
}

/// What is wrong with many files.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerifyReport {
    /// Each file, in order of their paths.
    pub files: Vec<FileReport>,
    /// How many are whole.
    pub n_ok: usize,
    /// How many have a reservation.
    pub n_warning: usize,
    /// How many are not readable.
    pub n_error: usize,
}
