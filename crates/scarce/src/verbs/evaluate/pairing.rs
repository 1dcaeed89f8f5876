//! Which prediction belongs to which reference.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scarce_cli::artefacts::stem;
use scarce_cli::exit::UsageError;
use serde::{Deserialize, Serialize};

/// A case's files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ComparedFiles {
    /// The case.
    pub id: String,
    /// The prediction.
    pub prediction: PathBuf,
    /// The reference.
    pub reference: PathBuf,
}

/// Predictions and references that belong together: two files, or two folders by file name. A file
/// without its partner is an error, or a missing prediction would raise the mean.
pub fn pair(prediction: &Path, reference: &Path) -> anyhow::Result<Vec<ComparedFiles>> {
    if prediction.is_dir() != reference.is_dir() {
        let message = "--pred and --ref must both be files or both be folders".to_owned();
        return Err(UsageError(message).into());
    }
    if !prediction.is_dir() {
        let files = ComparedFiles {
            id: stem(prediction),
            prediction: prediction.to_owned(),
            reference: reference.to_owned(),
        };
        return Ok(vec![files]);
    }
    let (predictions, references) = (label_files(prediction)?, label_files(reference)?);
    let names = |files: &BTreeMap<String, PathBuf>| files.keys().cloned().collect::<BTreeSet<_>>();
    let alone: Vec<String> = names(&predictions)
        .symmetric_difference(&names(&references))
        .cloned()
        .collect();
    anyhow::ensure!(
        alone.is_empty(),
        "without a partner in the other folder: {}",
        alone.join(", ")
    );
    anyhow::ensure!(
        !references.is_empty(),
        "no label map in {}",
        reference.display()
    );
    Ok(references
        .into_iter()
        .filter_map(|(id, reference)| {
            let prediction = predictions.get(&id)?.clone();
            Some(ComparedFiles {
                id,
                prediction,
                reference,
            })
        })
        .collect())
}

fn label_files(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut files = BTreeMap::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        let name = path.to_string_lossy().to_lowercase();
        let known = [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".png"]
            .iter()
            .any(|ending| name.ends_with(ending));
        if known && !name.ends_with(".probability.nii.gz") {
            let id = stem(&path);
            if let Some(other) = files.insert(id.clone(), path.clone()) {
                let other: &PathBuf = &other;
                anyhow::bail!(
                    "two files of case {id}: {} and {}",
                    other.display(),
                    path.display()
                );
            }
        }
    }
    Ok(files)
}
