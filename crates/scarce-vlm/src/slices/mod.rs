//! A volume through the eyes of a model of pictures: slice by slice, or slab by slab, and one region at the end.

mod display;
mod shown;
mod slab;
mod smoothing;

use std::collections::BTreeMap;

use ndarray::{Array2, Array3, Axis};
use rayon::prelude::*;
use scarce_image::Volume;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use display::Display;
pub use shown::Shown;
pub use slab::{Projection, Slab};

use crate::binarize::{Binarization, BoxExpansion, largest_components};
use crate::cache::Identity;
use crate::picture::Picture;
use crate::{LocalizeError, Localizer, ModelRecord, Provenance, Region};

/// So many pictures are shown to a model together: enough for workers side by side, few enough for memory.
const SLICES_AT_ONCE: usize = 64;

/// Heat over one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureHeat {
    /// How strongly each pixel is spoken of, 0 to 1, `(y, x)`, on the picture's grid.
    pub map: Array2<f32>,
    /// How sure the model is that the picture shows it; comparable only within one back-end.
    pub score: f32,
}

/// What a model of pictures promises.
pub trait PictureLocalizer {
    /// Heat of what `prompt` speaks of.
    ///
    /// # Errors
    /// [`LocalizeError`]; a prompt that cannot be honoured is an error, never a map of zeros.
    fn heat(&mut self, picture: &Picture, prompt: &str) -> Result<PictureHeat, LocalizeError>;

    /// Heat of each of several pictures; the first error where one fails. One after the other, unless a back-end does better.
    ///
    /// # Errors
    /// As [`Self::heat`].
    fn heats(
        &mut self,
        pictures: &[Picture],
        prompt: &str,
    ) -> Result<Vec<PictureHeat>, LocalizeError> {
        (pictures.iter())
            .map(|picture| self.heat(picture, prompt))
            .collect()
    }

    /// The back-end's name, such as `"clipseg"`.
    fn name(&self) -> &'static str;

    /// Each model file.
    fn models(&self) -> Vec<ModelRecord>;

    /// The settings that the heat depends on.
    fn settings(&self) -> BTreeMap<String, Value>;
}

/// How slices become a region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SliceOptions {
    /// The grey values that are shown.
    pub display: Display,
    /// Every how many axial slices the model looks at one; heat between them is interpolated.
    pub step: usize,
    /// How many slices it sees there as one picture.
    pub slab: Slab,
    /// Standard deviation of a Gaussian along the slices that heat is smoothed with, so that regions go on from slice to slice;
    /// 0 leaves it as it is.
    pub smoothing_mm: f64,
    /// Where heat is inside; one threshold for the volume, so that slices agree.
    pub binarization: Binarization,
    /// How many of the largest components stay: 1, or 2 for what comes in pairs.
    pub components: usize,
    /// Room around the boxes.
    pub expansion: BoxExpansion,
    /// Below this score there is no region.
    pub least_score: Option<f32>,
}

impl Default for SliceOptions {
    fn default() -> Self {
        Self {
            display: Display::default(),
            step: 1,
            slab: Slab::default(),
            smoothing_mm: 0.0,
            binarization: Binarization::default(),
            components: 1,
            expansion: BoxExpansion::default(),
            least_score: None,
        }
    }
}

/// Makes a [`Localizer`] of volumes out of one of pictures.
///
/// A volume is turned to RAS and shown as radiologists look at it: axial slices, anterior up, the patient's right on the
/// left. A volume of one slice is a picture, and is shown as it lies. Binarising and components are those of the whole
/// volume: a region does not flicker from slice to slice.
pub struct SliceBySlice<L> {
    model: L,
    options: SliceOptions,
}

impl<L: PictureLocalizer> SliceBySlice<L> {
    /// With a model and options.
    ///
    /// # Errors
    /// [`LocalizeError::Option`] for a step, a slab or a number of components of 0, and for smoothing by less than that.
    pub fn new(model: L, options: SliceOptions) -> Result<Self, LocalizeError> {
        let refused = |option, expected, got: String| LocalizeError::Option {
            option,
            expected,
            got,
        };
        for (option, value) in [
            ("step", options.step),
            ("slab.slices", options.slab.slices),
            ("components", options.components),
        ] {
            if value == 0 {
                return Err(refused(option, "1 or more", value.to_string()));
            }
        }
        if !(options.smoothing_mm.is_finite() && options.smoothing_mm >= 0.0) {
            let got = options.smoothing_mm.to_string();
            return Err(refused("smoothing_mm", "a finite number, 0 or more", got));
        }
        Ok(Self { model, options })
    }

    /// The model.
    pub fn model_mut(&mut self) -> &mut L {
        &mut self.model
    }

    /// Heat over `image`, and the highest score of its slices.
    ///
    /// # Errors
    /// As [`Localizer::localize`].
    pub fn heat(
        &mut self,
        image: &Volume<f32>,
        prompt: &str,
    ) -> Result<(Volume<f32>, f32), LocalizeError> {
        self.heat_of(&Shown::new(image, &self.options.display)?, prompt)
    }

    fn heat_of(
        &mut self,
        shown: &Shown,
        prompt: &str,
    ) -> Result<(Volume<f32>, f32), LocalizeError> {
        let [n_slices, ny, nx] = shown.shape_zyx();
        let mut heat = Array3::<f32>::zeros((n_slices, ny, nx));
        let mut looked_at: Vec<usize> = (0..n_slices).step_by(self.options.step).collect();
        if looked_at.last() != Some(&(n_slices - 1)) {
            looked_at.push(n_slices - 1);
        }
        let mut score = f32::NEG_INFINITY;
        for at_once in looked_at.chunks(SLICES_AT_ONCE) {
            let pictures = at_once
                .par_iter()
                .map(|z| shown.slab(*z, &self.options.slab))
                .collect::<Result<Vec<_>, _>>()?;
            let found = self.model.heats(&pictures, prompt)?;
            for (z, found) in at_once.iter().zip(found) {
                score = score.max(found.score);
                heat.index_axis_mut(Axis(0), *z).assign(&found.map);
            }
        }
        for pair in looked_at.windows(2) {
            let (low, high) = (pair[0], pair[1]);
            for z in low + 1..high {
                let share = (z - low) as f32 / (high - low) as f32;
                let between = &heat.index_axis(Axis(0), low) * (1.0 - share)
                    + &heat.index_axis(Axis(0), high) * share;
                heat.index_axis_mut(Axis(0), z).assign(&between);
            }
        }
        if let Some(slice_mm) = shown.slice_spacing_mm()
            && self.options.smoothing_mm > 0.0
        {
            heat = smoothing::along_slices(heat.view(), self.options.smoothing_mm / slice_mm);
        }
        Ok((shown.volume(heat.view()), score))
    }
}

impl<L: PictureLocalizer> Localizer for SliceBySlice<L> {
    fn localize(&mut self, image: &Volume<f32>, prompt: &str) -> Result<Region, LocalizeError> {
        let shown = Shown::new(image, &self.options.display)?;
        let (heat, score) = self.heat_of(&shown, prompt)?;
        if let Some(least) = self.options.least_score
            && score < least
        {
            return Err(LocalizeError::NotSeen {
                prompt: prompt.to_owned(),
                score,
                least,
            });
        }
        let (mask, threshold) = self.options.binarization.apply(&heat, &shown)?;
        let mask = largest_components(&mask, self.options.components);
        let boxes = self.options.expansion.boxes(prompt, &mask);
        let Identity {
            localizer,
            models,
            mut settings,
        } = self.identity();
        settings.insert("threshold".to_owned(), json!(threshold));
        let provenance = Provenance {
            localizer,
            prompt: prompt.to_owned(),
            models,
            matches: Vec::new(),
            settings,
        };
        Ok(Region::new(heat, mask, boxes, score, provenance)?)
    }

    fn identity(&self) -> Identity {
        let mut settings = self.model.settings();
        settings.insert("slices".to_owned(), json!(self.options));
        Identity {
            localizer: self.model.name().to_owned(),
            models: self.model.models(),
            settings,
        }
    }
}
