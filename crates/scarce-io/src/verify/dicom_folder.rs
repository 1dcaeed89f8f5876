//! A folder of DICOM files, series by series.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::judge::{judged, read_file};
use super::report::{Fault, Judged, Status};
use crate::dicom::{Series, gather};
use crate::opened::Opened;
use crate::provenance::Warnings;
use crate::{IoError, ReadOptions, read_image_with};

/// Reads every series whole. What is one file is judged by itself, as pictures of many patients are;
/// a series of several is judged under the folder's name.
pub(super) fn check(folder: &Path) -> Vec<Judged> {
    let options = ReadOptions::default();
    let mut warnings = Warnings::default();
    let found = match gather(folder, &options, &mut warnings) {
        Ok(found) => found,
        Err(error) => return vec![judged(folder.to_owned(), Err(error))],
    };
    let lone = |path: PathBuf| judged(path.clone(), read_file(&path, &options));
    let (series, single): (Vec<Series>, Vec<Series>) =
        (found.series.into_iter()).partition(|series| series.paths().len() > 1);
    let (n_series, n_single) = (series.len(), single.len());
    let mut all: Vec<Judged> = (found.faults.into_iter())
        .map(|(path, error)| judged(path, Err(error)))
        .collect();
    all.par_extend(
        single
            .into_par_iter()
            .flat_map_iter(|one| one.paths())
            .map(lone),
    );
    all.par_extend(series.into_par_iter().flat_map_iter(|series| {
        let files = series.paths();
        match series.open(&options, folder) {
            // Each is a picture.
            Err(IoError::Unsupported { what, .. }) if what.starts_with("a coloured") => files
                .into_iter()
                .map(|path| {
                    let read = read_image_with(&path, &options);
                    judged(path, read.map(|loaded| loaded.provenance))
                })
                .collect(),
            opened => vec![judged(folder.to_owned(), opened.map(Opened::provenance))],
        }
    }));
    if n_series > 1 || n_series == 1 && n_single > 0 {
        let message = format!("{} series lie together", n_series + n_single);
        let fault = Fault::new("series-mixed", message);
        all.push((folder.to_owned(), Status::Warning, vec![fault]));
    }
    let skipped: Vec<Fault> = (warnings.into_vec().iter())
        .filter(|warning| warning.code == "skipped" && warning.message.contains("no images"))
        .map(Fault::of_warning)
        .collect();
    if !skipped.is_empty() {
        all.push((folder.to_owned(), Status::Warning, skipped));
    }
    all
}
