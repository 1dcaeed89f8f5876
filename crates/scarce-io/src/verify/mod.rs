//! Reading files only to tell what is wrong with them, and whether a data set's files fit together.

mod coco;
mod dicom_folder;
mod faults;
mod json;
mod judge;
mod layouts;
mod manifest;
mod names;
mod pairs;
mod report;
mod table;
mod units;

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;

use self::report::Judged;
pub use self::report::{Fault, FileReport, Place, Status, VerifyReport};
use self::units::Unit;
pub use self::units::{image_stem, images_in};
use crate::IoError;

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
