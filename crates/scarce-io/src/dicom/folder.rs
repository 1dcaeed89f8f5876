//! The files of a folder that could be slices.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{At, system};
use crate::provenance::Warnings;
use crate::{Format, IoError};

/// Files that file systems and viewers leave behind.
pub(crate) fn is_litter(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase());
    name.is_none_or(|name| {
        // "._x" is what macOS leaves beside x on foreign disks.
        name.starts_with('.') || ["thumbs.db", "desktop.ini", "dicomdir"].contains(&name.as_str())
    })
}

/// The DICOM files directly inside a folder, by name; others are counted.
pub(super) fn candidates(folder: &Path, warnings: &mut Warnings) -> Result<Vec<PathBuf>, IoError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(system("cannot list", folder))? {
        let path = entry.map_err(system("cannot list", folder))?.path();
        if path.is_dir() {
            warnings.add("skipped", "sub-folders were not looked into");
        } else if is_litter(&path) {
            warnings.add(
                "skipped",
                "files of the file system or a viewer were skipped",
            );
        } else {
            files.push(path);
        }
    }
    files.sort();
    let mut kept = Vec::new();
    for path in files {
        let (start, _, _) = crate::read::open_stream(&path)?;
        if Format::of_content(&start) == Some(Format::Dicom) {
            kept.push(path);
        } else if start.is_empty() {
            // It may have been a slice.
            return Err(At(&path).truncated("header", 132, 0));
        } else if path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("dcm"))
        {
            return Err(IoError::UnknownFormat {
                expected: "DICOM, as the name says",
                path,
            });
        } else {
            warnings.add("not-dicom", "files that are no DICOM were skipped");
        }
    }
    Ok(kept)
}
