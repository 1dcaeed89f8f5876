//! Patches near to the prompt by themselves.

use ndarray::{Array1, Array2, Array4};
use serde::{Deserialize, Serialize};

use super::super::{TextTower, VisionTower};
use super::cosine;
use crate::LocalizeError;

/// How the patches' cosines become heat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case", tag = "rule")]
pub enum DenseScale {
    /// From the least cosine of the picture to the greatest: something is always hot.
    #[default]
    MinMax,
    /// The share of the prompt in a softmax over it and `against`, patch by patch, `temperature` times the cosines: what is
    /// nearer to the other words is cold, also everywhere.
    Softmax {
        /// What else a patch may show, such as `"background"` or `"healthy brain"`.
        against: Vec<String>,
        /// BiomedCLIP's own is 85.2.
        temperature: f32,
    },
}

/// The settings of dense heat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct DenseOptions {
    /// How cosines become heat.
    pub scale: DenseScale,
}

/// Heat of patches whose tokens, norm and projection of the class token applied to them, are near to the prompt. The tower was
/// never trained for this: neighbours look alike, and the map is coarse. It costs one look and needs no gradient.
pub struct Dense {
    vision: VisionTower,
    options: DenseOptions,
}

impl Dense {
    /// On a vision tower with `patch_features`.
    ///
    /// # Errors
    /// [`LocalizeError::Option`] for a softmax over nothing else, or a temperature that is not above 0.
    pub fn new(vision: VisionTower, options: DenseOptions) -> Result<Self, LocalizeError> {
        if let DenseScale::Softmax {
            against,
            temperature,
        } = &options.scale
        {
            let refused = |option, expected, got: String| LocalizeError::Option {
                option,
                expected,
                got,
            };
            if against.is_empty() {
                return Err(refused("against", "one text or more", "none".to_owned()));
            }
            if !(temperature.is_finite() && *temperature > 0.0) {
                let got = temperature.to_string();
                return Err(refused("temperature", "a finite number above 0", got));
            }
        }
        Ok(Self { vision, options })
    }

    /// The tower.
    pub fn vision(&self) -> &VisionTower {
        &self.vision
    }

    /// Whether heat is a share already, and not a cosine to be scaled.
    pub fn is_share(&self) -> bool {
        matches!(self.options.scale, DenseScale::Softmax { .. })
    }

    /// A value for each patch `(y, x)`, cosine or share, and the whole picture's cosine with the prompt.
    ///
    /// # Errors
    /// When a model fails, or the patches make no square.
    pub fn patches(
        &mut self,
        pixel_values: Array4<f32>,
        text: &mut TextTower,
        prompt_features: &Array1<f32>,
    ) -> Result<(Array2<f32>, f32), LocalizeError> {
        let (image, patches) = self.vision.patch_features(pixel_values)?;
        let widths = [image.ncols(), patches.ncols(), prompt_features.len()];
        self.vision.check_width(widths[0], widths[2])?;
        self.vision.check_width(widths[1], widths[2])?;
        let near = |features: &Array1<f32>| -> Vec<f32> {
            (patches.outer_iter())
                .map(|patch| cosine(patch, features.view()))
                .collect()
        };
        let mut values = near(prompt_features);
        if let DenseScale::Softmax {
            against,
            temperature,
        } = &self.options.scale
        {
            let others = against
                .iter()
                .map(|other| Ok(near(&text.features(other)?)))
                .collect::<Result<Vec<_>, LocalizeError>>()?;
            for (at, value) in values.iter_mut().enumerate() {
                // exp(x_i) / sum of exp(x_j), as 1 / sum of exp(x_j - x_i).
                let rest: f32 = others
                    .iter()
                    .map(|other| ((other[at] - *value) * temperature).exp())
                    .sum();
                *value = 1.0 / (1.0 + rest);
            }
        }
        let score = cosine(image.row(0), prompt_features.view());
        Ok((self.vision.on_grid(values)?, score))
    }
}
