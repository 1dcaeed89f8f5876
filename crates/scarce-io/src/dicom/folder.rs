//! The series of a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::header::ImageHeader;
use super::object::read_header;
use super::open::{Member, open_members};
use crate::content::open_stream;
use crate::error::{At, system};
use crate::format::SNIFFED_BYTES;
use crate::opened::Opened;
use crate::provenance::Warnings;
use crate::{Format, IoError, ReadOptions, SeriesFault};

/// Opens a folder that holds one series, or the series that is asked for.
pub(crate) fn open_folder(folder: &Path, options: &ReadOptions) -> Result<Opened, IoError> {
    let fault = |fault| IoError::Series {
        fault,
        path: folder.to_owned(),
    };
    let mut warnings = Warnings::default();
    let found = gather(folder, options, &mut warnings)?;
    if let Some((_, first)) = found.faults.into_iter().next() {
        return Err(first);
    }
    let mut series = found.series;
    if let Some(uid) = &options.series_uid {
        let all = series.len();
        series.retain(|series| series.uid == *uid);
        if series.len() < all && !series.is_empty() {
            let message = "other series lie in the same folder";
            warnings.add_many("other-series", message, all - 1);
        }
    }
    if series.len() > 1 {
        let count = |series: &Series| format!("{} ({})", series.uid, series.members.len());
        return Err(fault(SeriesFault::Mixed {
            found: series.iter().map(count).collect(),
        }));
    }
    match series.pop() {
        Some(only) => open_members(only.members, options, warnings, folder),
        None => Err(fault(SeriesFault::Empty { files: found.files })),
    }
}

/// What a folder holds.
pub(crate) struct Gathered {
    /// By their `SeriesInstanceUID`.
    pub series: Vec<Series>,
    /// Files that cannot be read.
    pub faults: Vec<(PathBuf, IoError)>,
    /// How many files were looked at.
    pub files: usize,
}

/// Files of one `SeriesInstanceUID`, their headers read.
pub(crate) struct Series {
    pub uid: String,
    members: Vec<Member>,
}

impl Series {
    /// Its files.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.members.iter().map(|m| m.path.clone()).collect()
    }

    /// Reads it whole. A fault that is no single file's is said of `folder`.
    pub(crate) fn open(self, options: &ReadOptions, folder: &Path) -> Result<Opened, IoError> {
        open_members(self.members, options, Warnings::default(), folder)
    }
}

/// Reads the headers of a folder's files.
pub(crate) fn gather(
    folder: &Path,
    options: &ReadOptions,
    warnings: &mut Warnings,
) -> Result<Gathered, IoError> {
    let Candidates { files, mut faults } = candidates(folder, warnings)?;
    let n_files = files.len() + faults.len();
    let headers: Vec<(PathBuf, Result<Option<ImageHeader>, IoError>)> = files
        .into_par_iter()
        .map(|path| {
            let header = read_header(&path, options);
            (path, header)
        })
        .collect();
    let mut series: BTreeMap<String, Vec<Member>> = BTreeMap::new();
    for (path, header) in headers {
        match header {
            Err(fault) => faults.push((path, fault)),
            Ok(None) => warnings.add("skipped", "DICOM objects that are no images were skipped"),
            Ok(Some(header)) => {
                let members = series.entry(header.series_uid.clone()).or_default();
                members.push(Member { path, header });
            }
        }
    }
    Ok(Gathered {
        series: series
            .into_iter()
            .map(|(uid, members)| Series { uid, members })
            .collect(),
        faults,
        files: n_files,
    })
}

/// Files that file systems and viewers leave behind.
pub(crate) fn is_litter(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase());
    name.is_none_or(|name| {
        // "._x" is what macOS leaves beside x on foreign disks.
        name.starts_with('.') || ["thumbs.db", "desktop.ini", "dicomdir"].contains(&name.as_str())
    })
}

/// What lies directly inside a folder, by name.
struct Candidates {
    /// DICOM files.
    files: Vec<PathBuf>,
    /// Files that seem to have been DICOM.
    faults: Vec<(PathBuf, IoError)>,
}

/// The DICOM files directly inside a folder; others are counted.
fn candidates(folder: &Path, warnings: &mut Warnings) -> Result<Candidates, IoError> {
    let mut paths = Vec::new();
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
            paths.push(path);
        }
    }
    paths.sort();
    let mut found = Candidates {
        files: Vec::new(),
        faults: Vec::new(),
    };
    for path in paths {
        match is_dicom(&path) {
            Ok(true) => found.files.push(path),
            Ok(false) => warnings.add("not-dicom", "files that are no DICOM were skipped"),
            Err(fault) => found.faults.push((path, fault)),
        }
    }
    Ok(found)
}

/// False for what is of another kind; an error for what may have been a slice.
fn is_dicom(path: &Path) -> Result<bool, IoError> {
    let (start, _, _) = open_stream(path)?;
    if Format::of_content(&start) == Some(Format::Dicom) {
        Ok(true)
    } else if start.iter().all(|byte| *byte == 0) {
        // Empty, or cut within the zeros that come before the magic.
        Err(At(path).truncated("header", SNIFFED_BYTES, start.len()))
    } else if path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("dcm"))
    {
        Err(IoError::UnknownFormat {
            expected: "DICOM, as the name says",
            path: path.to_owned(),
        })
    } else {
        Ok(false)
    }
}
