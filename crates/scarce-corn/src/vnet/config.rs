//! The network's size.

use serde::{Deserialize, Serialize};

use crate::CornError;

/// How a decoder doubles the resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Upsampling {
    /// A transposed convolution of kernel and stride 2 (the main branch).
    Transposed,
    /// Trilinear interpolation with aligned corners, in 2-D bilinear, then a convolution 3 wide (the
    /// auxiliary branch).
    Trilinear,
    /// The nearest voxel, then a convolution 3 wide (MC-Net+'s third decoder).
    Nearest,
}

/// How activations are normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// Over the batch, as the papers do. Batches of one or two crops leave running statistics that fit
    /// neither crop.
    Batch,
    /// Over each sample's channel by itself, the same in training and evaluation.
    Instance,
}

/// The network's size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VNetConfig {
    /// Axes of an image: 3 for volumes, 2 for slices.
    pub dimensions: usize,
    /// Channels of the input.
    pub in_channels: i64,
    /// Classes, the background among them.
    pub classes: i64,
    /// Filters at full resolution; each level doubles them. The papers use 16.
    pub base_filters: i64,
    /// How the decoder doubles the resolution.
    pub upsampling: Upsampling,
    /// How activations are normalised.
    pub normalisation: Normalisation,
    /// Share of channels dropped at the bottom and before the classifier, in training; of what attention sees, too.
    pub dropout: f64,
    /// Whether the fourth level's cells attend to one another in training, within each sample and then across the samples at
    /// each place (CAML's cross-sample mutual attention, on its auxiliary encoder). In evaluation none does.
    pub attention: bool,
}

impl Default for VNetConfig {
    fn default() -> Self {
        Self {
            dimensions: 3,
            in_channels: 1,
            classes: 2,
            base_filters: 16,
            upsampling: Upsampling::Transposed,
            normalisation: Normalisation::Batch,
            dropout: 0.5,
            attention: false,
        }
    }
}

impl VNetConfig {
    /// Refuses what no network can be built from.
    ///
    /// # Errors
    /// [`CornError::Setting`] for dimensions but 2 and 3, a count below 1 or a dropout outside 0 to below 1.
    pub fn check(&self) -> Result<(), CornError> {
        if !(2..=3).contains(&self.dimensions) {
            let got = self.dimensions;
            return Err(CornError::setting("network.dimensions", "2 or 3", got));
        }
        for (name, value) in [
            ("network.in_channels", self.in_channels),
            ("network.classes", self.classes),
            ("network.base_filters", self.base_filters),
        ] {
            // The widest level has 16 times the base filters and a fan-in of 27 times that.
            if !(1..=1 << 16).contains(&value) {
                return Err(CornError::setting(name, "1 to 65536", value));
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            let expected = "at least 0 and below 1";
            return Err(CornError::setting(
                "network.dropout",
                expected,
                self.dropout,
            ));
        }
        Ok(())
    }

    /// Channels at a level, 0 being full resolution.
    pub(super) fn filters(&self, level: usize) -> i64 {
        self.base_filters << level
    }
}
