//! One file a verb.

pub mod compare;
pub mod convert;
pub mod doctor;
pub mod evaluate;
pub mod info;
pub mod lint;
pub mod localize;
pub mod mask;
pub mod predict;
pub mod pretrain;
pub mod report;
pub mod semi;
pub mod verify;

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

/// For `--dry-run`: the configuration as a run would record it.
fn print_resolved<T: Serialize>(config: &T) -> anyhow::Result<()> {
    let text = scarce_train::config::resolved(config)?;
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

/// A file's name without the endings that tell its format.
fn stem(path: &Path) -> String {
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
