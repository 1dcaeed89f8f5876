//! What is read as one: a file, or a folder of DICOM files.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Fault, Status};
use crate::dicom::is_litter;
use crate::error::system;
use crate::read::open_stream;
use crate::{
    Format, IoError, Provenance, ReadOptions, SeriesFault, read_image_with, read_volume_with,
};

/// Endings of files that are read; what has none of them is looked at for DICOM.
const ENDINGS: [&str; 15] = [
    ".nii", ".nii.gz", ".hdr", ".nrrd", ".nhdr", ".mha", ".mhd", ".png", ".jpg", ".jpeg", ".tif",
    ".tiff", ".npy", ".npz", ".h5",
];

/// One thing to read.
pub(super) enum Unit {
    File(PathBuf),
    DicomFolder(PathBuf),
}

/// What lies under the paths.
#[derive(Default)]
pub(super) struct Walked {
    pub units: Vec<Unit>,
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
    pub(super) fn check(self) -> (PathBuf, Status, Vec<Fault>) {
        let options = ReadOptions::default();
        match self {
            Self::File(path) => {
                let read = read_file(&path, &options);
                judged(path, read)
            }
            Self::DicomFolder(folder) => {
                let read = read_volume_with(&folder, &options).map(|loaded| loaded.provenance);
                match read {
                    Err(IoError::Series {
                        fault: SeriesFault::Mixed { found },
                        ..
                    }) => check_each_series(folder, &found),
                    read => judged(folder, read),
                }
            }
        }
    }
}

/// Any file of a known format; of several volumes the first, which reads the others too.
fn read_file(path: &Path, options: &ReadOptions) -> Result<Provenance, IoError> {
    let picture = open_stream(path)
        .is_ok_and(|(start, ..)| Format::of_content(&start).is_some_and(Format::is_picture));
    if picture {
        return read_image_with(path, options).map(|loaded| loaded.provenance);
    }
    match read_volume_with(path, options) {
        Err(IoError::Frame { .. }) => {
            let first = options.clone().with_frame(0);
            read_volume_with(path, &first).map(|loaded| loaded.provenance)
        }
        Err(IoError::Unsupported { what, .. }) if what.starts_with("a coloured DICOM") => {
            read_image_with(path, options).map(|loaded| loaded.provenance)
        }
        read => read.map(|loaded| loaded.provenance),
    }
}

/// Several series in one folder are a reservation, since a reader has to be told which one; each must
/// be whole.
fn check_each_series(folder: PathBuf, found: &[String]) -> (PathBuf, Status, Vec<Fault>) {
    let message = format!("{} series lie together", found.len());
    let mut faults = vec![Fault::new("series-mixed", message)];
    let mut status = Status::Warning;
    for series in found {
        let uid = series.split(' ').next().unwrap_or_default();
        let options = ReadOptions::default().with_series_uid(uid);
        if let Err(error) = read_volume_with(&folder, &options) {
            status = Status::Error;
            faults.push(Fault::of_error(&error));
        }
    }
    (folder, status, faults)
}

fn judged(path: PathBuf, read: Result<Provenance, IoError>) -> (PathBuf, Status, Vec<Fault>) {
    match read {
        Ok(provenance) => {
            // Formats that never tell a geometry are no reservation about this file, and files beside a
            // series are reported by themselves.
            let expected = |code| {
                code == "not-dicom" || code == "no-geometry" && provenance.format != Format::Dicom
            };
            let warnings = provenance.warnings.iter().filter(|w| !expected(w.code));
            let faults: Vec<Fault> = warnings.map(Fault::of_warning).collect();
            let status = if faults.is_empty() {
                Status::Ok
            } else {
                Status::Warning
            };
            (path, status, faults)
        }
        Err(error) => (path, Status::Error, vec![Fault::of_error(&error)]),
    }
}
