//! A volume through the eyes of a model of pictures: slice by slice, and one region at the end.

mod display;

use std::collections::BTreeMap;

use ndarray::{Array2, Array3, ArrayView2, Axis};
use scarce_image::{Volume, reorient_to_ras, resample_linear};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use display::Display;

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
    /// [`LocalizeError::Option`] for a step or a number of components of 0.
    pub fn new(model: L, options: SliceOptions) -> Result<Self, LocalizeError> {
        for (option, value) in [("step", options.step), ("components", options.components)] {
            if value == 0 {
                return Err(LocalizeError::Option {
                    option,
                    expected: "1 or more",
                    got: value.to_string(),
                });
            }
        }
        Ok(Self { model, options })
    }

    /// The model.
    pub fn model_mut(&mut self) -> &mut L {
        &mut self.model
    }

    /// What its regions depend on besides image and prompt.
    pub fn identity(&self) -> Identity {
        let mut settings = self.model.settings();
        settings.insert("slices".to_owned(), json!(self.options));
        Identity {
            localizer: self.model.name().to_owned(),
            models: self.model.models(),
            settings,
        }
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
        let is_picture = image.shape_zyx()[0] == 1;
        let shown = if is_picture {
            image.clone()
        } else {
            reorient_to_ras(image)
        };
        let window = self.options.display.window(&shown)?;
        let [n_slices, ny, nx] = shown.shape_zyx();
        let mut heat = Array3::<f32>::zeros((n_slices, ny, nx));
        let mut looked_at: Vec<usize> = (0..n_slices).step_by(self.options.step).collect();
        if looked_at.last() != Some(&(n_slices - 1)) {
            looked_at.push(n_slices - 1);
        }
        let mut score = f32::NEG_INFINITY;
        for at_once in looked_at.chunks(SLICES_AT_ONCE) {
            let pictures = at_once
                .iter()
                .map(|z| {
                    let slice = shown.voxels().index_axis(Axis(0), *z);
                    Picture::grey(as_seen(slice, is_picture).view(), window)
                })
                .collect::<Result<Vec<_>, _>>()?;
            let found = self.model.heats(&pictures, prompt)?;
            for (z, found) in at_once.iter().zip(found) {
                score = score.max(found.score);
                heat.index_axis_mut(Axis(0), *z)
                    .assign(&as_seen(found.map.view(), is_picture));
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
        let heat = Volume::new(heat, *shown.geometry());
        let heat = if is_picture {
            heat
        } else {
            resample_linear(&heat, &image.grid(), 0.0).map(|value| value.clamp(0.0, 1.0))
        };
        Ok((heat, score))
    }
}

impl<L: PictureLocalizer> Localizer for SliceBySlice<L> {
    fn localize(&mut self, image: &Volume<f32>, prompt: &str) -> Result<Region, LocalizeError> {
        let (heat, score) = self.heat(image, prompt)?;
        if let Some(least) = self.options.least_score
            && score < least
        {
            return Err(LocalizeError::NotSeen {
                prompt: prompt.to_owned(),
                score,
                least,
            });
        }
        let (mask, threshold) = self.options.binarization.apply(&heat);
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
}

/// An axial slice of a RAS volume as it is looked at, or the way back: both turn it by half a turn. Pictures stay.
fn as_seen(slice: ArrayView2<'_, f32>, is_picture: bool) -> Array2<f32> {
    let mut slice = slice;
    if !is_picture {
        slice.invert_axis(Axis(0));
        slice.invert_axis(Axis(1));
    }
    slice.to_owned()
}
