//! The windows over which SSIM takes moments.

use serde::{Deserialize, Serialize};

use super::ReconstructionError;

/// What weighs the pixels around each pixel, the same along each axis.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SsimWindow {
    /// All pixels of a cube alike (scikit-image's default, side 7).
    Uniform {
        /// Its side in pixels, odd.
        side: usize,
    },
    /// A Gaussian cut off at 3.5 σ (scikit-image's `gaussian_weights=True`; Wang et al. 2004 with
    /// σ = 1.5, eleven pixels wide).
    Gaussian {
        /// Its standard deviation in pixels.
        sigma: f64,
    },
}

impl SsimWindow {
    /// The weights along one axis, which sum to 1.
    pub(super) fn weights(self) -> Result<Vec<f64>, ReconstructionError> {
        match self {
            Self::Uniform { side } => Ok(vec![1.0 / side.max(1) as f64; side]),
            Self::Gaussian { sigma } => {
                if !(sigma.is_finite() && sigma > 0.0) {
                    return Err(ReconstructionError::Constant {
                        name: "sigma",
                        value: sigma,
                        expected: "finite and above 0",
                    });
                }
                let radius = (3.5 * sigma + 0.5).floor() as i32;
                let weight = |x: i32| (-0.5 * (f64::from(x) / sigma).powi(2)).exp();
                let weights: Vec<f64> = (-radius..=radius).map(weight).collect();
                let sum: f64 = weights.iter().sum();
                Ok(weights.into_iter().map(|w| w / sum).collect())
            }
        }
    }
}
