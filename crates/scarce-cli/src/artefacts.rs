//! What one verb leaves and another reads.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What a prediction was made of; `prediction.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct PredictionRecord {
    /// The volume.
    pub input: PathBuf,
    /// The label map.
    pub prediction: PathBuf,
    /// The run.
    pub checkpoint: PathBuf,
    /// Steps the network had been trained.
    pub steps: u64,
    /// Which of the run's networks.
    pub network: String,
    /// Voxels of each class, the background first.
    pub voxels: Vec<usize>,
}

/// A file's name without the endings that tell its format: what a case is called.
pub fn stem(path: &Path) -> String {
    let name = path
        .file_name()
        .unwrap_or(OsStr::new("volume"))
        .to_string_lossy();
    let lower = name.to_lowercase();
    let ending = [
        ".nii.gz",
        ".seg.nrrd",
        ".nii",
        ".nrrd",
        ".mha",
        ".mhd",
        ".png",
    ]
    .iter()
    .find(|ending| lower.ends_with(*ending))
    .map_or(0, |ending| ending.len());
    name[..name.len() - ending].to_owned()
}
