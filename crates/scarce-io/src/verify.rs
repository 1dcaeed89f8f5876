//! Reading files only to tell what is wrong with them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::system;
use crate::{IoError, read_image, read_volume};

/// How a file fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
    /// The voxel `(z, y, x)`, where one is to blame.
    pub at: Option<[usize; 3]>,
}

/// What is wrong with one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileReport {
    /// The file.
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

/// Reads each path whole; folders are walked for files of the formats known here.
///
/// # Errors
/// [`IoError::System`] when a folder cannot be listed; faults of files are in the report.
pub fn verify(paths: &[PathBuf]) -> Result<VerifyReport, IoError> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, true, &mut files)?;
    }
    files.sort();
    files.dedup();
    let files: Vec<FileReport> = files.into_iter().map(report).collect();
    let count = |status| files.iter().filter(|file| file.status == status).count();
    Ok(VerifyReport {
        n_ok: count(Status::Ok),
        n_warning: count(Status::Warning),
        n_error: count(Status::Error),
        files,
    })
}

fn collect(path: &Path, named: bool, files: &mut Vec<PathBuf>) -> Result<(), IoError> {
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(system("cannot list", path))? {
            let entry = entry.map_err(system("cannot list", path))?;
            collect(&entry.path(), false, files)?;
        }
    } else if named || is_known(path) {
        files.push(path.to_owned());
    }
    Ok(())
}

fn is_known(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    // "._x" is what macOS leaves beside x on foreign disks.
    !name.starts_with("._")
        && [".nii", ".nii.gz", ".nrrd", ".png", ".jpg", ".jpeg"]
            .iter()
            .any(|e| name.ends_with(e))
}

fn report(path: PathBuf) -> FileReport {
    let name = path.to_string_lossy().to_lowercase();
    let picture = [".png", ".jpg", ".jpeg"]
        .iter()
        .any(|ending| name.ends_with(ending));
    let result = if picture {
        read_image(&path).map(drop)
    } else {
        read_volume(&path).map(drop)
    };
    match result {
        Ok(()) => FileReport {
            path,
            status: Status::Ok,
            faults: Vec::new(),
        },
        Err(error) => {
            let at = match &error {
                IoError::NonFinite { first_zyx, .. } => Some(*first_zyx),
                IoError::Label { at_zyx, .. } => Some(*at_zyx),
                _ => None,
            };
            let fault = Fault {
                code: error.code(),
                message: error.to_string(),
                at,
            };
            FileReport {
                path,
                status: Status::Error,
                faults: vec![fault],
            }
        }
    }
}
