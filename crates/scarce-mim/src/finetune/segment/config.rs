//! How a segmentation is trained.

use scarce_train::loader::LoaderConfig;
use serde::{Deserialize, Serialize};

use crate::Intensities;
use crate::MimError;
use crate::encoder::EncoderConfig;
use crate::finetune::look::{Augmentation, Fit};
use crate::finetune::trunk::check_input;

/// How a segmentation is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SegmentConfig {
    /// Where the encoder starts: a run folder or checkpoint of a pre-training or a fine-tuning, a safetensors file under
    /// timm's names, or `none`.
    pub weights: String,
    /// The encoder.
    pub encoder: EncoderConfig,
    /// Whether the encoder is trained, or the head alone.
    pub train_encoder: bool,
    /// Channels of the head at the input's resolution; they double with each halving, up to 256.
    pub head_width: i64,
    /// Pixels of the network's input along y and x.
    pub input_yx: [usize; 2],
    /// How images come into it.
    pub fit: Fit,
    /// What intensities of 0 to 1 become. Left out: what the weights were trained on, else mean 0 and deviation 1 over the
    /// training images.
    pub intensities: Option<Intensities>,
    /// Images a step.
    pub batch: usize,
    /// Weight of the Dice loss beside the cross-entropy's 1.
    pub dice_weight: f64,
    /// What is drawn of images in training.
    pub augmentation: Augmentation,
    /// How images are read ahead; it changes no byte of a batch.
    pub loader: LoaderConfig,
}

impl Default for SegmentConfig {
    fn default() -> Self {
        Self {
            weights: "none".to_owned(),
            encoder: EncoderConfig::default(),
            train_encoder: true,
            head_width: 16,
            input_yx: [128, 128],
            fit: Fit::Squash,
            intensities: None,
            batch: 16,
            dice_weight: 1.0,
            augmentation: Augmentation::default(),
            loader: LoaderConfig::default(),
        }
    }
}

impl SegmentConfig {
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
        if !(1..=256).contains(&self.head_width) {
            return refuse("head_width", "1 to 256", self.head_width.to_string());
        }
        if !(self.dice_weight >= 0.0 && self.dice_weight.is_finite()) {
            return refuse("dice_weight", "at least 0", self.dice_weight.to_string());
        }
        self.augmentation.check()
    }
}
