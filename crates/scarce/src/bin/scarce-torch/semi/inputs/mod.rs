//! What `semi` reads: its configuration, and the volumes that this names.

mod cases;
mod data_set;
mod volumes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scarce_corn::SemiConfig;
use scarce_train::LoopConfig;
use serde::{Deserialize, Serialize};

pub use cases::{CaseFiles, Cases};
pub use data_set::DataSet;
pub use volumes::Volumes;

use super::inference::Inference;
use super::report::ReportConfig;
use crate::preprocessing::Preprocessing;

/// The configuration of `semi`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SemiFile {
    /// What stands where nothing is given.
    pub recipe: String,
    /// Where every encoder starts: `none`, a run folder of `pretrain`, or a safetensors file.
    #[serde(default = "none")]
    pub weights: String,
    /// Seed of every random choice.
    #[serde(default)]
    pub seed: u64,
    /// The volumes.
    pub data: SemiData,
    /// How they are prepared.
    #[serde(default)]
    pub preprocessing: Preprocessing,
    /// The method.
    #[serde(default)]
    pub method: SemiConfig,
    /// The loop.
    #[serde(default)]
    pub training: LoopConfig,
    /// How the trained network is run, here and by `predict`.
    #[serde(default)]
    pub inference: Inference,
    /// What is told of the validation volumes in the end.
    #[serde(default)]
    pub report: ReportConfig,
}

fn none() -> String {
    "none".to_owned()
}

/// Few labelled volumes and many without: by file, from a data set, or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SemiData {
    /// Label values that become class 1, 2, …; all others are background. Left out, every value
    /// that is not 0 is class 1.
    pub label_values: Option<Vec<u16>>,
    /// Volumes with labels.
    #[serde(default)]
    pub labelled: Vec<LabelledFile>,
    /// Volumes without.
    #[serde(default)]
    pub unlabelled: Vec<UnlabelledFile>,
    /// Volumes with labels that are not trained on but settings chosen by.
    #[serde(default)]
    pub validation: Vec<LabelledFile>,
    /// A data set.
    pub set: Option<DataSet>,
}

/// A labelled volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelledFile {
    /// Its name.
    pub id: String,
    /// The image.
    pub image: PathBuf,
    /// Its label map.
    pub label: PathBuf,
}

/// An unlabelled volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlabelledFile {
    /// Its name.
    pub id: String,
    /// The image.
    pub image: PathBuf,
}

impl SemiData {
    /// The cases by part, none in two.
    pub fn cases(&self) -> anyhow::Result<Cases> {
        let labelled = |files: &[LabelledFile]| {
            let case = |f: &LabelledFile| CaseFiles::new(&f.id, &f.image, Some(&f.label));
            files.iter().map(case).collect()
        };
        let without = |f: &UnlabelledFile| CaseFiles::new(&f.id, &f.image, None);
        let mut cases = Cases {
            labelled: labelled(&self.labelled),
            unlabelled: self.unlabelled.iter().map(without).collect(),
            validation: labelled(&self.validation),
        };
        if let Some(set) = &self.set {
            let of_set = set.cases();
            let of_set = of_set.with_context(|| format!("data.set in {}", set.folder.display()))?;
            cases.extend(of_set);
        }
        cases.check()?;
        Ok(cases)
    }

    /// A label value as a class.
    pub fn class(&self, value: u16) -> u8 {
        match &self.label_values {
            None => u8::from(value != 0),
            Some(values) => values
                .iter()
                .position(|v| *v == value)
                .map_or(0, |k| k as u8 + 1),
        }
    }
}

/// The files by role, for the manifest.
pub fn inputs(cases: &Cases) -> BTreeMap<String, Vec<String>> {
    let images = |cases: &[CaseFiles]| names_of(cases.iter().map(|case| case.image.as_path()));
    let labels = |cases: &[CaseFiles]| names_of(cases.iter().filter_map(|c| c.label.as_deref()));
    BTreeMap::from([
        ("labelled image".to_owned(), images(&cases.labelled)),
        ("label".to_owned(), labels(&cases.labelled)),
        ("unlabelled image".to_owned(), images(&cases.unlabelled)),
        ("validation image".to_owned(), images(&cases.validation)),
        ("validation label".to_owned(), labels(&cases.validation)),
    ])
}

fn names_of<'a>(paths: impl Iterator<Item = &'a Path>) -> Vec<String> {
    crate::training_run::names(paths)
}
