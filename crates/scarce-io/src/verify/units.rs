//! What is read as one: a file, or a folder of DICOM files.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Fault, Judged, Status, dicom_folder, manifest, names};
use crate::dicom::is_litter;
use crate::error::system;
use crate::read::open_stream;
use crate::{
    Format, IoError, Provenance, ReadOptions, read_image_with, read_label_map_with,
    read_volume_with,
};

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

/// Any file of a known format; of several volumes the first, which reads the others too, and of an
/// archive of arrays the labels as well.
pub(super) fn read_file(path: &Path, options: &ReadOptions) -> Result<Provenance, IoError> {
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
        read => {
            let provenance = read.map(|loaded| loaded.provenance)?;
            if matches!(provenance.format, Format::Hdf5 | Format::Npz) {
                check_labels(path, options)?;
            }
            Ok(provenance)
        }
    }
}

/// The array `label` of an archive, where there is one.
fn check_labels(path: &Path, options: &ReadOptions) -> Result<(), IoError> {
    match read_label_map_with(path, &options.clone().with_dataset("label")) {
        Err(IoError::Header { field, .. }) if ["datasets", "arrays"].contains(&field.as_str()) => {
            Ok(())
        }
        read => read.map(drop),
    }
}

pub(super) fn judged(path: PathBuf, read: Result<Provenance, IoError>) -> Judged {
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
