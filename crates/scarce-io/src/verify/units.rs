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

/// The images under a folder and its sub-folders, in order of their paths: files by their endings, and folders of several DICOM
/// files as one image each. What is no image is left out, and so is what lies under a name that begins with a dot: editors
/// keep their copies there.
///
/// # Errors
/// [`IoError::System`] when a folder cannot be listed.
pub fn images_in(folder: &Path) -> Result<Vec<PathBuf>, IoError> {
    let mut walked = Walked::default();
    walk_folder(folder, &mut walked, &mut Vec::new())?;
    let mut images: Vec<PathBuf> = (walked.units.into_iter())
        .map(|unit| match unit {
            Unit::File(path) | Unit::Manifest(path) | Unit::DicomFolder(path) => path,
        })
        .filter(|path| !is_hidden(path.strip_prefix(folder).unwrap_or(path)))
        .collect();
    images.sort();
    Ok(images)
}

fn is_hidden(below: &Path) -> bool {
    below
        .iter()
        .any(|name| name.to_string_lossy().starts_with('.'))
}

/// An image's name without what says its format: `scan` of `scan.nii.gz`, the whole name of a folder.
pub fn image_stem(path: &Path) -> String {
    let name = (path.file_name().unwrap_or(path.as_os_str())).to_string_lossy();
    let lower = name.to_lowercase();
    let ending = (ENDINGS.iter().copied().chain([".dcm"]))
        .filter(|ending| lower.ends_with(ending) && !path.is_dir())
        .map(str::len)
        .max();
    name[..name.len() - ending.unwrap_or(0)].to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_named_without_their_format() {
        for (path, stem) in [
            ("a/scan.nii.gz", "scan"),
            ("scan.NII", "scan"),
            ("x/1.2.840.dcm", "1.2.840"),
            ("b.c.jpeg", "b.c"),
            ("IM0001", "IM0001"),
            ("notes.txt", "notes.txt"),
        ] {
            assert_eq!(image_stem(Path::new(path)), stem, "{path}");
        }
    }

    #[test]
    fn finds_images_and_leaves_out_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        fs::create_dir(&below).unwrap();
        for name in ["b.png", "a.nii.gz", "labels.csv", ".DS_Store"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        for name in ["1.dcm", "2.dcm"] {
            fs::write(below.join(name), b"").unwrap();
        }
        let found = images_in(folder.path()).unwrap();
        let expected = ["a.nii.gz", "b.png", "below"].map(|name| folder.path().join(name));
        assert_eq!(found, expected);
    }
}
