//! Reading files only to tell what is wrong with them, and whether a data set's files fit together.

mod coco;
mod dicom_folder;
mod json;
mod layouts;
mod manifest;
mod names;
mod pairs;
mod table;
mod units;

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;
use serde::Serialize;

use self::units::Unit;
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
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            at: None,
        }
    }

    fn of_error(error: &IoError) -> Self {
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

    fn of_warning(warning: &Warning) -> Self {
        let count = match warning.count {
            1 => String::new(),
            n => format!(" ({n} times)"),
        };
        Self::new(warning.code, format!("{}{count}", warning.message))
    }
}

/// A file or folder and what was found.
type Judged = (PathBuf, Status, Vec<Fault>);

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

/// Reads each path whole, in parallel. Folders are walked; a folder of DICOM files is read series by
/// series. Data sets laid out as nnU-Net's, the Medical Segmentation Decathlon's, BIDS or COCO, and
/// those that a manifest (`NAME.toml`) tells of, are checked for what belongs together: images and
/// labels of one grid, label values that are declared, annotations within their pictures.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("scan.nii"), b"cut")?;
/// let report = scarce_io::verify(&[folder.path().to_owned()])?;
/// assert_eq!(report.n_error, 1);
/// assert_eq!(report.files[0].faults[0].code, "unknown-format");
/// println!("{report}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`IoError::System`] when a folder cannot be listed; faults of files are in the report.
pub fn verify(paths: &[PathBuf]) -> Result<VerifyReport, IoError> {
    let walked = units::walk(paths)?;
    let units = walked.units.into_par_iter();
    let read: Vec<Judged> = units.flat_map_iter(Unit::check).collect();
    let folders = walked.folders.par_iter();
    let laid_out: Vec<Judged> = folders
        .flat_map_iter(|folder| layouts::check(folder))
        .collect();
    let mut files: BTreeMap<PathBuf, (Status, Vec<Fault>)> = BTreeMap::new();
    for (path, status, faults) in read.into_iter().chain(laid_out).chain(walked.names) {
        let entry = files.entry(path).or_insert((Status::Ok, Vec::new()));
        entry.0 = entry.0.max(status);
        entry.1.extend(faults);
    }
    let files: Vec<FileReport> = files
        .into_iter()
        .map(|(path, (status, faults))| FileReport {
            path,
            status,
            faults,
        })
        .collect();
    let count = |status| files.iter().filter(|file| file.status == status).count();
    Ok(VerifyReport {
        n_ok: count(Status::Ok),
        n_warning: count(Status::Warning),
        n_error: count(Status::Error),
        files,
    })
}
