//! `datasets/NAME.toml`: the cases. How the files are fetched is `cargo xtask data`'s business.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::IoError;
use crate::error::system;

/// A data set's cases.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Manifest {
    /// The name commands use.
    pub name: String,
    /// SPDX expression, or what is known instead.
    pub licence: String,
    /// What localizers may be asked for.
    #[serde(default)]
    pub prompts: Vec<String>,
    /// Who is on the images.
    #[serde(default, rename = "case")]
    pub cases: Vec<ManifestCase>,
}

/// An image with its labels; paths are relative to the data set's folder.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ManifestCase {
    /// Unique in the set.
    pub id: String,
    /// Whose image it is: splits are made by this, never by image or slice.
    pub patient: String,
    /// Such as `"CT"`.
    #[serde(default)]
    pub modality: String,
    /// The image.
    pub image: PathBuf,
    /// Its label maps.
    #[serde(default, rename = "label")]
    pub labels: Vec<ManifestLabel>,
}

/// A label map.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ManifestLabel {
    /// The label map.
    pub path: PathBuf,
    /// `"human"` or `"model"`.
    #[serde(default)]
    pub made_by: String,
}

/// Reads a manifest.
///
/// # Errors
/// [`IoError::Dataset`] for what is no TOML, lacks a field, or has a case id twice.
pub fn read_manifest(path: &Path) -> Result<Manifest, IoError> {
    let fault = |message: String| IoError::Dataset {
        message,
        path: path.to_owned(),
    };
    let text = std::fs::read_to_string(path).map_err(system("cannot read", path))?;
    let manifest: Manifest = toml::from_str(&text).map_err(|error| fault(error.to_string()))?;
    let mut ids: Vec<&str> = manifest.cases.iter().map(|case| case.id.as_str()).collect();
    ids.sort_unstable();
    if let Some((twice, _)) = ids.iter().zip(ids.iter().skip(1)).find(|(a, b)| a == b) {
        return Err(fault(format!("case {twice:?} comes twice")));
    }
    Ok(manifest)
}
