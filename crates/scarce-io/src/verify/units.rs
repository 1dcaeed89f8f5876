//! What is read as one: a file, or a folder of DICOM files.

use std::fs;
use std::path::{Path, PathBuf};

use super::judge::{judged, read_file};
use super::report::Judged;
use super::{dicom_folder, manifest, names};
use crate::content::open_stream;
use crate::dicom::is_litter;
use crate::error::system;
use crate::{Format, IoError, ReadOptions};

/// Endings of files that are read; what has none of them is looked at for DICOM.
const ENDINGS: [&str; 15] = [
    ".nii", ".nii.gz", ".hdr", ".nrrd", ".nhdr", ".mha", ".mhd", ".png", ".jpg", ".jpeg", ".tif",
    ".tiff", ".npy", ".npz", ".h5",
];

/// One thing to read.
pub(super) enum Unit {
    File(PathBuf),
    Manifest(PathBuf),
    DicomFolder(PathBuf),
}

/// What lies under the paths.
#[derive(Default)]
pub(super) struct Walked {
    pub units: Vec<Unit>,
    /// Faults of names.
    pub names: Vec<Judged>,
    /// Every folder, for layouts.
    pub folders: Vec<PathBuf>,
}

pub(super) fn walk(paths: &[PathBuf]) -> Result<Walked, IoError> {
    let mut walked = Walked::default();
    let mut paths = paths.to_vec();
    paths.sort();
    paths.dedup();
    for path in paths {
        if path.is_dir() {
            walk_folder(&path, &mut walked, &mut Vec::new())?;
        } else if path.extension().is_some_and(|e| e == "toml") {
            walked.units.push(Unit::Manifest(path));
        } else {
            walked.units.push(Unit::File(path));
        }
    }
    Ok(walked)
}

/// `above` holds the folders on the way, so that a link to one of them is not followed for ever.
fn walk_folder(
    folder: &Path,
    walked: &mut Walked,
    above: &mut Vec<PathBuf>,
) -> Result<(), IoError> {
    let real = folder
        .canonicalize()
        .map_err(system("cannot list", folder))?;
    if above.contains(&real) {
        return Ok(());
    }
    above.push(real);
    walked.folders.push(folder.to_owned());
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(system("cannot list", folder))? {
        entries.push(entry.map_err(system("cannot list", folder))?.path());
    }
    entries.sort();
    walked.names.extend(names::check(&entries));
    let mut dicom = Vec::new();
    for path in entries {
        if path.is_dir() {
            walk_folder(&path, walked, above)?;
        } else if !is_litter(&path) {
            let name = path.to_string_lossy().to_lowercase();
            if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                walked.units.push(Unit::File(path));
            } else if name.ends_with(".dcm") || is_dicom(&path) {
                dicom.push(path);
            }
        }
    }
    match &dicom[..] {
        [] => {}
        [only] => walked.units.push(Unit::File(only.clone())),
        _ => walked.units.push(Unit::DicomFolder(folder.to_owned())),
    }
    above.pop();
    Ok(())
}

fn is_dicom(path: &Path) -> bool {
    open_stream(path).is_ok_and(|(start, ..)| Format::of_content(&start) == Some(Format::Dicom))
}

impl Unit {
    pub(super) fn check(self) -> Vec<Judged> {
        match self {
            Self::File(path) => {
                let read = read_file(&path, &ReadOptions::default());
                vec![judged(path, read)]
            }
            Self::Manifest(path) => manifest::check(&path),
            Self::DicomFolder(folder) => dicom_folder::check(&folder),
        }
    }
}
