//! `datasets/NAME.toml`: the cases. How the files are fetched is `cargo xtask data`'s business.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::CasesFrom;
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
    /// What is told apart: the label values from 1 on, or the classes of whole images.
    #[serde(default)]
    pub classes: Vec<String>,
    /// How the files lie, in words, where they are not pinned one by one.
    #[serde(default)]
    pub layout: String,
    /// Files whose content is known.
    #[serde(default, rename = "file")]
    pub files: Vec<PinnedFile>,
    /// Who is on the images, where the manifest lists it; else [`Manifest::cases_in`] tells.
    #[serde(default, rename = "case")]
    pub cases: Vec<ManifestCase>,
    /// From where the cases are read otherwise.
    #[serde(default)]
    pub cases_from: Option<CasesFrom>,
}

/// A file of known content.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PinnedFile {
    /// Its path under the data set's folder.
    pub to: PathBuf,
    /// Of its content, in hexadecimal.
    pub sha256: String,
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
    /// The image, or its first channel.
    pub image: PathBuf,
    /// Further channels on the image's grid.
    #[serde(default)]
    pub channels: Vec<PathBuf>,
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

impl Manifest {
    /// The cases: those that are listed, or those of the data set's `folder` if `cases_from` says how
    /// it is laid out. A data set of neither has none.
    ///
    /// # Errors
    /// [`IoError::Dataset`] for a folder that is not laid out so, [`IoError::System`].
    pub fn cases_in(&self, folder: &Path) -> Result<Vec<ManifestCase>, IoError> {
        match &self.cases_from {
            Some(layout) => layout.cases_in(folder),
            None => Ok(self.cases.clone()),
        }
    }
}

impl ManifestCase {
    /// The image and its further channels.
    pub fn images(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.image).chain(&self.channels)
    }
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
    if manifest.cases_from.is_some() && !ids.is_empty() {
        return Err(fault(
            "cases are listed and `cases_from` is given".to_owned(),
        ));
    }
    if let Some((twice, _)) = ids.iter().zip(ids.iter().skip(1)).find(|(a, b)| a == b) {
        return Err(fault(format!("case {twice:?} comes twice")));
    }
    Ok(manifest)
}
