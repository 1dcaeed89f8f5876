//! From an image and a prompt to a region.

use ndarray::{Array2, Axis};
use scarce_image::{Connectivity, Mask, Volume, connected_components, resample_linear};
use serde_json::json;

use super::heat::{Heat, heat};
use super::input::{SPACING_MM, prepare};
use super::network::OpenNetwork;
use crate::cache::Identity;
use crate::onnx::SessionOptions;
use crate::text::{SentenceEncoder, TextError, check_prompt};
use crate::{LocalizeError, Localizer, Provenance, Region, RegionBox};

/// Numbers in a sentence vector that the model reads.
const TEXT_WIDTH: usize = 384;

/// How heat becomes a region.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Least heat of a voxel inside. _Default:_ 0.5.
    pub mask_threshold: f32,
    /// Least score of a region; what scores less was not found. _Default:_ 0.5.
    pub score_threshold: f32,
    /// Parts smaller than this share of the largest are left out. _Default:_ 0.1.
    pub smallest_part: f64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            mask_threshold: 0.5,
            score_threshold: 0.5,
            smallest_part: 0.1,
        }
    }
}

/// Finds what a prompt names with a small network of our own: it needs no labels and no network access.
///
/// What it can find stands in its model card; a prompt that names nothing it finds is an error
/// ([`LocalizeError::NotSeen`]).
pub struct OpenLocalizer<E> {
    encoder: E,
    network: OpenNetwork,
    options: OpenOptions,
}

impl<E: SentenceEncoder> OpenLocalizer<E> {
    /// With the model that the crate brings along.
    ///
    /// # Errors
    /// [`LocalizeError`] where ONNX Runtime is missing.
    pub fn new(encoder: E, options: OpenOptions) -> Result<Self, LocalizeError> {
        let network = OpenNetwork::committed(&SessionOptions::default())?;
        Ok(Self::with_network(encoder, network, options))
    }

    /// With another model of the same interface.
    pub fn with_network(encoder: E, network: OpenNetwork, options: OpenOptions) -> Self {
        Self {
            encoder,
            network,
            options,
        }
    }

    /// Answers several prompts at little more than the price of one: each region, or why there is none. How many are asked
    /// changes heat in its last digits.
    ///
    /// # Errors
    /// [`LocalizeError`] where a model fails; what is wrong with a single prompt is in its place.
    pub fn localize_all(
        &mut self,
        image: &Volume<f32>,
        prompts: &[&str],
    ) -> Result<Vec<Result<Region, LocalizeError>>, LocalizeError> {
        let mut answers: Vec<Option<Result<Region, LocalizeError>>> = Vec::new();
        let mut asked = Vec::new();
        for prompt in prompts {
            match check_prompt(prompt) {
                Ok(()) => {
                    asked.push(*prompt);
                    answers.push(None);
                }
                Err(error) => answers.push(Some(Err(error))),
            }
        }
        if !asked.is_empty() {
            let text = self.vectors(&asked)?;
            let prepared = prepare(image, SPACING_MM).map_err(|error| LocalizeError::Image {
                what: error.to_string(),
            })?;
            let found = heat(&mut self.network, prepared.voxels().view(), text.view())?;
            let open = answers.iter_mut().filter(|answer| answer.is_none());
            for ((answer, prompt), heat) in open.zip(asked).zip(found) {
                *answer = Some(self.region(image, &prepared, prompt, heat));
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    fn vectors(&mut self, prompts: &[&str]) -> Result<Array2<f32>, LocalizeError> {
        let text = self.encoder.encode(prompts)?;
        if text.len_of(Axis(1)) == TEXT_WIDTH {
            return Ok(text);
        }
        Err(LocalizeError::Text(TextError::Vectors {
            expected: format!("width {TEXT_WIDTH}, as of all-MiniLM-L6-v2"),
            got: format!("width {}", text.len_of(Axis(1))),
        }))
    }

    fn region(
        &self,
        image: &Volume<f32>,
        prepared: &Volume<f32>,
        prompt: &str,
        found: Heat,
    ) -> Result<Region, LocalizeError> {
        let score = score(&found, self.options.mask_threshold);
        let not_found = || LocalizeError::NotSeen {
            prompt: prompt.to_owned(),
            score,
            least: self.options.score_threshold,
        };
        if score < self.options.score_threshold {
            return Err(not_found());
        }
        let coarse = Volume::new(found.probability, *prepared.geometry());
        let heat = resample_linear(&coarse, &image.grid(), 0.0).map(|p| p.clamp(0.0, 1.0));
        let parts = self.parts(&heat.map(|p| *p >= self.options.mask_threshold));
        let Some(whole) = RegionBox::around(prompt, &parts) else {
            return Err(not_found());
        };
        let Identity {
            localizer,
            models,
            mut settings,
        } = self.described();
        settings.insert("presence".to_owned(), json!(found.presence));
        let provenance = Provenance {
            localizer,
            prompt: prompt.to_owned(),
            models,
            matches: Vec::new(),
            settings,
        };
        Ok(Region::new(heat, parts, vec![whole], score, provenance)?)
    }

    fn described(&self) -> Identity {
        let mut models = vec![self.network.record().clone()];
        models.extend(self.encoder.models());
        let settings = [
            ("mask_threshold", json!(self.options.mask_threshold)),
            ("score_threshold", json!(self.options.score_threshold)),
            ("smallest_part", json!(self.options.smallest_part)),
            ("spacing_mm", json!(SPACING_MM)),
        ];
        Identity {
            localizer: "scarce-open".to_owned(),
            models,
            settings: settings
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
        }
    }

    /// The mask without specks.
    fn parts(&self, mask: &Mask) -> Mask {
        let (labels, sizes) = connected_components(mask.voxels().view(), Connectivity::Faces6);
        let largest = sizes.iter().copied().max().unwrap_or(0);
        let least = (largest as f64 * self.options.smallest_part).ceil() as usize;
        // Of the background, then of each label.
        let stays: Vec<bool> = std::iter::once(false)
            .chain(sizes.iter().map(|size| *size >= least))
            .collect();
        let inside = labels.mapv(|label| stays[label as usize]);
        Volume::new(inside, *mask.geometry())
    }
}

impl<E: SentenceEncoder> Localizer for OpenLocalizer<E> {
    fn localize(&mut self, image: &Volume<f32>, prompt: &str) -> Result<Region, LocalizeError> {
        let mut answers = self.localize_all(image, &[prompt])?;
        answers.pop().unwrap_or_else(|| {
            Err(LocalizeError::EmptyPrompt {
                prompt: prompt.to_owned(),
            })
        })
    }

    fn identity(&self) -> Identity {
        self.described()
    }
}

/// How sure: the presence times the mean heat of what is inside; 0 where nothing is.
fn score(found: &Heat, threshold: f32) -> f32 {
    let inside: Vec<f32> = found
        .probability
        .iter()
        .copied()
        .filter(|p| *p >= threshold)
        .collect();
    if inside.is_empty() {
        return 0.0;
    }
    found.presence * inside.iter().sum::<f32>() / inside.len() as f32
}
