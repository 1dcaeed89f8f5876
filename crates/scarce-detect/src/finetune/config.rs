//! How a detector is trained.

use scarce_mim::Intensities;
use scarce_mim::finetune::look::{Augmentation, Fit};
use scarce_train::loader::LoaderConfig;
use serde::{Deserialize, Serialize};

use crate::{DetectConfig, DetectError};

/// How a detector is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FinetuneConfig {
    /// Where the encoder starts: a run folder or checkpoint of a pre-training or a fine-tuning, a safetensors file under
    /// timm's names, or `none`.
    pub weights: String,
    /// What the detector is made of.
    pub network: DetectConfig,
    /// Pixels of the network's input along y and x; multiples of the encoder's stride.
    pub input_yx: [usize; 2],
    /// Each training image is shown at one of these shares of that size, drawn anew each time; smaller ones lie at the top
    /// left of a batch, black around them.
    pub scales: Vec<f64>,
    /// How images come into the input.
    pub fit: Fit,
    /// What intensities of 0 to 1 become. Left out: what the weights were trained on, else mean 0 and deviation 1 over the
    /// training images.
    pub intensities: Option<Intensities>,
    /// Images a step.
    pub batch: usize,
    /// What is drawn of images in training.
    pub augmentation: Augmentation,
    /// Instances of which less than this share of their pixels is left by a crop are not asked for.
    pub least_visible: f64,
    /// How images are read ahead; it changes no byte of a batch.
    pub loader: LoaderConfig,
}

impl Default for FinetuneConfig {
    fn default() -> Self {
        Self {
            weights: "none".to_owned(),
            network: DetectConfig::default(),
            input_yx: [256, 256],
            scales: vec![1.0],
            fit: Fit::Pad,
            intensities: None,
            batch: 4,
            augmentation: Augmentation::default(),
            least_visible: 0.2,
            loader: LoaderConfig::default(),
        }
    }
}

impl FinetuneConfig {
    /// Refuses settings out of range.
    ///
    /// # Errors
    /// [`DetectError::Setting`], and as [`DetectConfig::check`].
    pub fn check(&self) -> Result<(), DetectError> {
        self.network.check()?;
        let refuse = |name, expected, got: String| {
            Err(DetectError::Setting {
                name,
                expected,
                got,
            })
        };
        let stride = self.network.encoder.stride();
        let is_multiple = |n: &usize| *n > 0 && n.is_multiple_of(stride);
        if !self.input_yx.iter().all(is_multiple) {
            let got = format!("{:?}", self.input_yx);
            return refuse("input_yx", "multiples of the encoder's stride", got);
        }
        let is_scale = |s: &f64| (0.1..=4.0).contains(s);
        if self.scales.is_empty() || !self.scales.iter().all(is_scale) {
            let got = format!("{:?}", self.scales);
            return refuse("scales", "shares from 0.1 to 4", got);
        }
        if self.batch == 0 {
            return refuse("batch", "at least 1", "0".to_owned());
        }
        if !(0.0..=1.0).contains(&self.least_visible) {
            return refuse("least_visible", "0 to 1", self.least_visible.to_string());
        }
        Ok(self.augmentation.check()?)
    }

    /// Pixels along y and x of an image at a scale.
    pub(super) fn size_yx(&self, scale: f64) -> [usize; 2] {
        self.input_yx
            .map(|n| ((n as f64 * scale).round() as usize).max(1))
    }

    /// Pixels of a batch: those of the largest scale, rounded up to the encoder's stride.
    pub(super) fn batch_yx(&self) -> [usize; 2] {
        let largest = self.scales.iter().copied().fold(0.0, f64::max);
        let stride = self.network.encoder.stride();
        self.size_yx(largest).map(|n| n.next_multiple_of(stride))
    }
}
