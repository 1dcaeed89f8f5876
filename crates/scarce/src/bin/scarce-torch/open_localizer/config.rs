//! The configuration of `train-localizer`: the recipe that stands beside the model.

use std::path::PathBuf;

use scarce_train::LoopConfig;
use scarce_train::loader::LoaderConfig;
use serde::{Deserialize, Serialize};

use super::augment::Augmentation;
use super::network::Widths;

/// The configuration of `train-localizer`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalizerFile {
    /// Seed of every random choice.
    #[serde(default)]
    pub seed: u64,
    /// Folder that the paths of `volume` and `test` start from.
    #[serde(default)]
    pub data: PathBuf,
    /// Folder of the text encoder.
    #[serde(default = "text_encoder")]
    pub text_encoder: PathBuf,
    /// What is trained on.
    pub volume: Vec<TrainingVolume>,
    /// What is only ever looked at in the end.
    #[serde(default)]
    pub test: Vec<TestVolume>,
    /// Prompts of nothing, for the test; none of them is trained with.
    #[serde(default)]
    pub nonsense: Vec<String>,
    /// How a batch is drawn.
    #[serde(default)]
    pub batch: BatchConfig,
    /// How slices are changed.
    #[serde(default)]
    pub augmentation: Augmentation,
    /// The network's widths.
    #[serde(default)]
    pub network: Widths,
    /// The loop.
    #[serde(default)]
    pub training: LoopConfig,
    /// Who reads ahead.
    #[serde(default)]
    pub loader: LoaderConfig,
}

fn text_encoder() -> PathBuf {
    PathBuf::from("target/models/minilm")
}

/// A volume to train on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingVolume {
    /// Its name.
    pub id: String,
    /// The image.
    pub image: PathBuf,
    /// Its label maps, on its grid. A voxel may have a label in each.
    pub labels: Vec<Layer>,
    /// Concepts that can be seen here without being labelled: never asked for.
    #[serde(default)]
    pub unlabelled: Vec<String>,
    /// Only these concepts are labelled; left out, all but `unlabelled`.
    pub labelled: Option<Vec<String>>,
    /// Slices drawn of it in an epoch.
    #[serde(default = "two_hundred")]
    pub slices: usize,
    /// Radiographs drawn of it in an epoch: the volume summed from front to back.
    #[serde(default)]
    pub radiographs: usize,
}

fn two_hundred() -> usize {
    200
}

/// A label map, and what its values are called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// The label map.
    pub path: PathBuf,
    /// A CSV with the values' names.
    pub names: Option<PathBuf>,
    /// The name of every value but 0, where there is no table.
    pub nonzero: Option<String>,
}

/// A volume of a patient never trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestVolume {
    /// Its name.
    pub id: String,
    /// The image.
    pub image: PathBuf,
    /// What is looked for.
    #[serde(default)]
    pub target: Vec<Target>,
}

/// A structure with its reference, and the prompts it is asked for by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// What tables call it.
    pub name: String,
    /// The reference: a label map on the image's grid, or on a part of it.
    pub reference: PathBuf,
    /// The values that make it up; every value but 0 where none is given.
    #[serde(default)]
    pub values: Vec<u16>,
    /// Whether the figure enters the mean that is asked for.
    #[serde(default = "yes")]
    pub counts: bool,
    /// Prompts that were trained with.
    pub known: Vec<String>,
    /// Prompts that were not.
    pub reworded: Vec<String>,
}

fn yes() -> bool {
    true
}

/// How a batch is drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchConfig {
    /// Slices.
    pub size: usize,
    /// Pixels along each side of a slice.
    pub pixels: usize,
    /// Prompts asked of each slice.
    pub prompts: usize,
    /// How many of them at most name something that is there.
    pub present: usize,
    /// How many of them name nothing.
    pub nonsense: usize,
    /// Standard deviation of the noise on the vectors of prompts, whose length is 1.
    pub text_noise: f64,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            size: 16,
            pixels: 96,
            prompts: 12,
            present: 7,
            nonsense: 2,
            text_noise: 0.3,
        }
    }
}
