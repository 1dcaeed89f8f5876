//! How an encoder is pre-trained.

use scarce_mask::{MaskConfig, Schedule};
use scarce_train::loader::LoaderConfig;
use serde::{Deserialize, Serialize};

use super::{Control, ViewConfig};
use crate::MimError;
use crate::encoder::EncoderConfig;
use crate::loss::LossOptions;

/// How an encoder is pre-trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PretrainConfig {
    /// Views a step.
    pub batch: usize,
    /// How views are cut from images.
    pub view: ViewConfig,
    /// The encoder.
    pub encoder: EncoderConfig,
    /// Channels of the decoder where it starts; each of its blocks halves them (SparK: 768).
    pub decoder_width: i64,
    /// What is hidden, and how shares become counts.
    pub mask: MaskConfig,
    /// Pixels a side of a patch that is hidden as a whole, and predicted with a mean and spread of its own; the
    /// encoder's stride if left out. Smaller ones keep regions that few cells of the last map would swallow; a cell of
    /// that map then sees what is visible under it.
    pub mask_patch: Option<usize>,
    /// A policy that changes over the epochs, in place of the mask's.
    pub schedule: Option<Schedule>,
    /// What the training is a control for.
    pub control: Control,
    /// Patches whose variance, of intensities as they are read, is lower are left out of the loss: a patch of air
    /// has only noise to predict.
    pub flat_variance: f64,
    /// How much a patch of the region counts in the loss beside one of the rest.
    pub region_weight: f64,
    /// Whether the network is to predict each patch with its own mean and spread taken out.
    pub normalised_target: bool,
    /// Whether the network is given intensities less the data set's mean, by its standard deviation, for each
    /// channel; both of at most a thousand images, evenly chosen.
    pub standardise: bool,
    /// How images are read ahead; it changes no view and no mask.
    pub loader: LoaderConfig,
}

impl Default for PretrainConfig {
    fn default() -> Self {
        Self {
            batch: 16,
            view: ViewConfig::default(),
            encoder: EncoderConfig::default(),
            decoder_width: 128,
            mask: MaskConfig::default(),
            mask_patch: None,
            schedule: None,
            control: Control::None,
            flat_variance: 1e-4,
            region_weight: 1.0,
            normalised_target: true,
            standardise: false,
            loader: LoaderConfig::default(),
        }
    }
}

impl PretrainConfig {
    /// Refuses settings out of range.
    ///
    /// # Errors
    /// [`MimError::Setting`].
    pub fn check(&self) -> Result<(), MimError> {
        let refuse = |name, expected: String, got: String| {
            Err(MimError::Setting {
                name,
                expected,
                got,
            })
        };
        self.encoder.check()?;
        let (patch, axes) = (
            self.encoder.stride(),
            self.encoder.architecture.dimensions(),
        );
        let size = &self.view.size;
        if size.len() != axes || size.iter().any(|n| *n == 0 || n % patch != 0) {
            let expected = format!("{axes} positive multiples of {patch}");
            return refuse("view.size", expected, format!("{size:?}"));
        }
        if let Some([low, high]) = self.view.area {
            if axes != 2 {
                let got = format!("{:?}", [low, high]);
                return refuse("view.area", "none for volumes".to_owned(), got);
            }
            if !(0.0 < low && low <= high && high <= 1.0) {
                let expected = "two shares above 0 and up to 1, the smaller first".to_owned();
                return refuse("view.area", expected, format!("{:?}", [low, high]));
            }
        }
        if !(0.0..=1.0).contains(&self.view.region_chance) {
            let got = self.view.region_chance.to_string();
            return refuse("view.region_chance", "0 to 1".to_owned(), got);
        }
        let mask_patch = self.mask_patch();
        let transformer = self.encoder.architecture.is_transformer();
        if mask_patch < 2 || patch % mask_patch != 0 || (transformer && mask_patch != patch) {
            let expected = if transformer {
                format!("{patch}, a transformer's own")
            } else {
                format!("a divisor of {patch}, 2 or more")
            };
            return refuse("mask_patch", expected, mask_patch.to_string());
        }
        if self.batch == 0 {
            return refuse("batch", "at least 1".to_owned(), "0".to_owned());
        }
        for (name, value) in [
            ("flat_variance", self.flat_variance),
            ("region_weight", self.region_weight),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return refuse(name, "0 or more".to_owned(), value.to_string());
            }
        }
        Ok(())
    }

    /// Pixels a side of a patch that is hidden as a whole.
    pub fn mask_patch(&self) -> usize {
        self.mask_patch.unwrap_or_else(|| self.encoder.stride())
    }

    /// What the loss compares, and how patches count.
    pub(super) fn loss_options(&self) -> LossOptions {
        LossOptions {
            flat_variance: self.flat_variance,
            region_weight: self.region_weight,
            normalised: self.normalised_target,
        }
    }
}
