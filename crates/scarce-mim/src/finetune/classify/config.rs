//! How a classifier is trained.

use scarce_train::loader::LoaderConfig;
use serde::{Deserialize, Serialize};

use super::Mixing;
use crate::Intensities;
use crate::MimError;
use crate::encoder::EncoderConfig;
use crate::finetune::look::{Augmentation, Fit};
use crate::finetune::trunk::check_input;

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Mode {
    /// Encoder and head.
    Full,
    /// The head alone: the encoder stays as it is, and so do its norms' statistics.
    Linear,
    /// Nothing, whatever steps are asked for: an image's class is that of the training images with the likest features (see
    /// [`super::nearest`]).
    Nearest {
        /// Neighbours that vote.
        neighbours: usize,
        /// A neighbour of cosine likeness s has exp(s / temperature) votes (DINO: 0.07).
        temperature: f64,
    },
}

/// What is made small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassificationLoss {
    /// Cross-entropy with soft targets: SparK's for AdamW.
    #[default]
    SoftCrossEntropy,
    /// Each class against the rest, mean over classes: SparK's for LAMB.
    BinaryCrossEntropy,
}

/// How a classifier is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClassifyConfig {
    /// Where the encoder starts: a run folder or checkpoint of a pre-training or a fine-tuning, a safetensors file under
    /// timm's names, or `none`.
    pub weights: String,
    /// The encoder.
    pub encoder: EncoderConfig,
    /// What is trained.
    pub mode: Mode,
    /// Pixels of the network's input along y and x.
    pub input_yx: [usize; 2],
    /// How images come into it.
    pub fit: Fit,
    /// What intensities of 0 to 1 become. Left out: what the weights were trained on, else mean 0 and deviation 1 over the
    /// training images.
    pub intensities: Option<Intensities>,
    /// Images a step.
    pub batch: usize,
    /// What is made small.
    pub loss: ClassificationLoss,
    /// Share of each target that is spread over all classes.
    pub label_smoothing: f64,
    /// Chance that a pooled feature is dropped before the head.
    pub dropout: f64,
    /// Whether images of a batch are mixed.
    pub mixing: Option<Mixing>,
    /// What is drawn of images in training.
    pub augmentation: Augmentation,
    /// How images are read ahead; it changes no byte of a batch.
    pub loader: LoaderConfig,
}

impl Default for ClassifyConfig {
    fn default() -> Self {
        Self {
            weights: "none".to_owned(),
            encoder: EncoderConfig::default(),
            mode: Mode::Full,
            input_yx: [96, 96],
            fit: Fit::Squash,
            intensities: None,
            batch: 32,
            loss: ClassificationLoss::SoftCrossEntropy,
            label_smoothing: 0.1,
            dropout: 0.0,
            mixing: None,
            augmentation: Augmentation::default(),
            loader: LoaderConfig::default(),
        }
    }
}

impl ClassifyConfig {
    /// Refuses settings out of range.
    ///
    /// # Errors
    /// [`MimError::Setting`].
    pub fn check(&self) -> Result<(), MimError> {
        let refuse = |name, expected: &str, got: String| {
            Err(MimError::Setting {
                name,
                expected: expected.to_owned(),
                got,
            })
        };
        check_input(&self.encoder, self.batch, self.input_yx)?;
        for (name, share) in [
            ("label_smoothing", self.label_smoothing),
            ("dropout", self.dropout),
        ] {
            if !(0.0..1.0).contains(&share) {
                return refuse(name, "at least 0 and below 1", share.to_string());
            }
        }
        if let Mode::Nearest {
            neighbours,
            temperature,
        } = self.mode
            && (neighbours == 0 || !(temperature > 0.0 && temperature.is_finite()))
        {
            let got = format!("{neighbours} and {temperature}");
            return refuse(
                "mode",
                "neighbours of at least 1, a temperature above 0",
                got,
            );
        }
        if let Some(mixing) = &self.mixing {
            mixing.check()?;
        }
        self.augmentation.check()
    }
}
