//! What `semi` reads: its configuration, and the volumes that this names.

use std::collections::BTreeMap;
use std::path::PathBuf;

use scarce_corn::{LabelledVolume, SemiConfig, UnlabelledVolume};
use scarce_train::LoopConfig;
use serde::{Deserialize, Serialize};

use crate::preprocessing::Preprocessing;
use crate::training_run::names;

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
}

fn none() -> String {
    "none".to_owned()
}

/// Few labelled volumes and many without.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SemiData {
    /// Volumes with labels.
    pub labelled: Vec<LabelledFile>,
    /// Volumes without.
    #[serde(default)]
    pub unlabelled: Vec<UnlabelledFile>,
    /// Volumes with labels that nothing is learned from: `training.validation` looks at them.
    #[serde(default)]
    pub validation: Vec<LabelledFile>,
    /// Label values that become class 1, 2, …; all others are background. Left out, every value
    /// that is not 0 is class 1.
    pub label_values: Option<Vec<u16>>,
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
    /// The labelled volumes, prepared.
    pub fn labelled(&self, preprocessing: &Preprocessing) -> anyhow::Result<Vec<LabelledVolume>> {
        self.read(&self.labelled, preprocessing)
    }

    /// Those that are validated on, prepared.
    pub fn validation(&self, preprocessing: &Preprocessing) -> anyhow::Result<Vec<LabelledVolume>> {
        self.read(&self.validation, preprocessing)
    }

    fn read(
        &self,
        files: &[LabelledFile],
        preprocessing: &Preprocessing,
    ) -> anyhow::Result<Vec<LabelledVolume>> {
        files
            .iter()
            .map(|file| {
                let native = scarce_io::read_volume(&file.image)?;
                let labels = scarce_io::read_label_map(&file.label)?;
                let labels = preprocessing.labels(&native.grid(), &labels)?;
                Ok(LabelledVolume {
                    id: file.id.clone(),
                    image: preprocessing.prepare(&native)?.into_voxels(),
                    label: labels.voxels().map(|value| self.class(*value)),
                })
            })
            .collect()
    }

    /// The unlabelled volumes, prepared.
    pub fn unlabelled(
        &self,
        preprocessing: &Preprocessing,
    ) -> anyhow::Result<Vec<UnlabelledVolume>> {
        self.unlabelled
            .iter()
            .map(|file| {
                let image = preprocessing.image(&file.image)?.into_voxels();
                Ok(UnlabelledVolume {
                    id: file.id.clone(),
                    image,
                })
            })
            .collect()
    }

    fn class(&self, value: u16) -> u8 {
        match &self.label_values {
            None => u8::from(value != 0),
            Some(values) => values
                .iter()
                .position(|v| *v == value)
                .map_or(0, |k| k as u8 + 1),
        }
    }

    /// The files by role, for the manifest.
    pub fn inputs(&self) -> BTreeMap<String, Vec<String>> {
        let images = self.labelled.iter().map(|v| v.image.as_path());
        BTreeMap::from([
            ("labelled image".to_owned(), names(images)),
            (
                "label".to_owned(),
                names(self.labelled.iter().map(|v| v.label.as_path())),
            ),
            (
                "unlabelled image".to_owned(),
                names(self.unlabelled.iter().map(|v| v.image.as_path())),
            ),
            (
                "validation image".to_owned(),
                names(self.validation.iter().map(|v| v.image.as_path())),
            ),
        ])
    }
}
