//! One file read whole, and what that says of it.

use std::path::{Path, PathBuf};

use super::report::{Fault, Judged, Status};
use crate::content::open_stream;
use crate::{
    Format, IoError, Provenance, ReadOptions, read_image_with, read_label_map_with,
    read_volume_with,
};

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
