//! Which grey values are shown black and white.

use scarce_image::{Volume, percentiles};
use serde::{Deserialize, Serialize};

use crate::LocalizeError;

/// The grey values that become black and white.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "rule")]
pub enum Display {
    /// The same for all volumes, as with HU: soft tissue from -160 to 240.
    Window {
        /// What is shown black.
        black: f32,
        /// What is shown white.
        white: f32,
    },
    /// Percentiles of the volume, which suits MR and pictures.
    Percentiles {
        /// Share of voxels that are black, in percent.
        low: f64,
        /// Share of voxels that are not white, in percent.
        high: f64,
    },
}

impl Default for Display {
    fn default() -> Self {
        Self::Percentiles {
            low: 0.5,
            high: 99.5,
        }
    }
}

impl Display {
    /// The grey values for `volume`; one apart where it is of one value.
    pub(super) fn window(&self, volume: &Volume<f32>) -> Result<[f32; 2], LocalizeError> {
        match *self {
            Self::Window { black, white } => Ok([black, white]),
            Self::Percentiles { low, high } => {
                let [black, white] = percentiles(volume, [low, high], None)?;
                Ok(if black < white {
                    [black, white]
                } else {
                    [black, black + 1.0]
                })
            }
        }
    }
}
