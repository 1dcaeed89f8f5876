//! Any localizer, refined slice by slice.

use ndarray::{Array2, Array3, ArrayView2, Axis};
use rayon::prelude::*;
use scarce_image::{Connectivity, Volume, connected_components};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Refiner;
use crate::binarize::{BoxExpansion, largest_components};
use crate::cache::Identity;
use crate::picture::PictureBox;
use crate::slices::{Display, Shown};
use crate::{LocalizeError, Localizer, Region};

/// So many pictures are prepared together.
const SLICES_AT_ONCE: usize = 32;

/// Above this heat a pixel is inside, for all models that answer boxes.
const INSIDE: f32 = 0.5;

/// Which boxes of a slice are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum BoxPrompt {
    /// One around each component of the coarse mask.
    #[default]
    EachComponent,
    /// One around all of it.
    AroundAll,
}

/// How a region is refined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RefineOptions {
    /// The grey values that are shown.
    pub display: Display,
    /// Which boxes are asked for.
    pub prompt: BoxPrompt,
    /// By how many pixels they grow on each side.
    pub margin_pixels: usize,
    /// In each slice, how many of the largest components are asked for at most.
    pub boxes_per_slice: usize,
    /// How many of the largest components stay in the end; as many as the coarse mask has where it is left open.
    pub components: Option<usize>,
    /// Room around the region's boxes.
    pub expansion: BoxExpansion,
}

impl Default for RefineOptions {
    fn default() -> Self {
        Self {
            display: Display::default(),
            prompt: BoxPrompt::default(),
            margin_pixels: 0,
            boxes_per_slice: 8,
            components: None,
            expansion: BoxExpansion::default(),
        }
    }
}

/// A localizer whose regions a [`Refiner`] makes better, as MedCLIP-SAMv2 has SAM do.
///
/// In each slice, boxes around the coarse mask's components are asked for; what the answers cover together is the region, and
/// of it the largest components stay. A coarse mask that is empty stays empty; the provenance says so.
pub struct Refined<L, R> {
    localizer: L,
    refiner: R,
    options: RefineOptions,
}

/// What came of the boxes.
struct Answers {
    heat: Array3<f32>,
    /// The refiner's own guesses of its quality.
    scores: Vec<f32>,
    /// Components that were too many.
    skipped: usize,
}

impl<L: Localizer, R: Refiner> Refined<L, R> {
    /// With both models and options.
    ///
    /// # Errors
    /// [`LocalizeError::Option`] where no box or no component is allowed.
    pub fn new(localizer: L, refiner: R, options: RefineOptions) -> Result<Self, LocalizeError> {
        for (option, value) in [
            ("boxes_per_slice", Some(options.boxes_per_slice)),
            ("components", options.components),
        ] {
            if value == Some(0) {
                return Err(LocalizeError::Option {
                    option,
                    expected: "1 or more",
                    got: "0".to_owned(),
                });
            }
        }
        Ok(Self {
            localizer,
            refiner,
            options,
        })
    }

    fn answers(&mut self, shown: &Shown, coarse: &Array3<bool>) -> Result<Answers, LocalizeError> {
        let mut answers = Answers {
            heat: Array3::zeros(coarse.raw_dim()),
            scores: Vec::new(),
            skipped: 0,
        };
        let options = &self.options;
        let asked: Vec<(usize, Vec<PictureBox>)> = (coarse.axis_iter(Axis(0)).into_par_iter())
            .map(|coarse| options.boxes(coarse))
            .enumerate()
            .filter(|(_, boxes)| !boxes.is_empty())
            .collect();
        for at_once in asked.chunks(SLICES_AT_ONCE) {
            let pictures = at_once
                .par_iter()
                .map(|(z, _)| shown.picture(*z))
                .collect::<Result<Vec<_>, _>>()?;
            for ((z, boxes), picture) in at_once.iter().zip(&pictures) {
                let few = boxes.len().min(self.options.boxes_per_slice);
                answers.skipped += boxes.len() - few;
                let mut heat = answers.heat.index_axis_mut(Axis(0), *z);
                for answer in self.refiner.refine(picture, &boxes[..few])? {
                    heat.zip_mut_with(&answer.map, |most, value| *most = most.max(*value));
                    answers.scores.push(answer.score);
                }
            }
        }
        Ok(answers)
    }
}

impl RefineOptions {
    /// The boxes of one slice, of the largest component first.
    fn boxes(&self, coarse: ArrayView2<'_, bool>) -> Vec<PictureBox> {
        let coarse = coarse.insert_axis(Axis(0));
        let (labels, mut sizes) = connected_components(coarse, Connectivity::Corners26);
        let labels = match self.prompt {
            BoxPrompt::EachComponent => labels,
            BoxPrompt::AroundAll => {
                sizes = vec![sizes.iter().sum()];
                labels.mapv(|label| label.min(1))
            }
        };
        let mut order: Vec<u32> = (1..=sizes.len() as u32).collect();
        order.retain(|label| sizes[*label as usize - 1] > 0);
        order.sort_by_key(|label| std::cmp::Reverse(sizes[*label as usize - 1]));
        let of_slice = labels.index_axis_move(Axis(0), 0);
        let extents = extents(&of_slice, sizes.len());
        let last = [of_slice.ncols() - 1, of_slice.nrows() - 1];
        order
            .into_iter()
            .map(|label| around(extents[label as usize - 1], last, self.margin_pixels))
            .collect()
    }
}

/// First pixel and the one after the last along x and y of each label, from 1.
fn extents(labels: &Array2<u32>, n: usize) -> Vec<[[usize; 2]; 2]> {
    let mut extents = vec![[[usize::MAX, 0]; 2]; n];
    for (y, row) in labels.outer_iter().enumerate() {
        for (x, label) in row.iter().enumerate().filter(|(_, label)| **label > 0) {
            for (range, at) in extents[*label as usize - 1].iter_mut().zip([x, y]) {
                *range = [range[0].min(at), range[1].max(at + 1)];
            }
        }
    }
    extents
}

/// The box around a component. As in the released tools it ends at the pixel after the last one, but not beyond the picture's
/// last pixel.
fn around(extent: [[usize; 2]; 2], last: [usize; 2], margin: usize) -> PictureBox {
    let grown = [0, 1].map(|axis| {
        let [start, stop] = extent[axis];
        let stop = (stop + margin).min(last[axis].max(1));
        // A box of no area asks for nothing.
        let start = start.saturating_sub(margin).min(stop - 1);
        [start, stop].map(|at| at as f32)
    });
    PictureBox {
        start_xy: [grown[0][0], grown[1][0]],
        stop_xy: [grown[0][1], grown[1][1]],
    }
}

impl<L: Localizer, R: Refiner> Refined<L, R> {
    fn settings(&self) -> Value {
        json!({
            "options": self.options,
            "refiner": self.refiner.settings(),
        })
    }
}

impl<L: Localizer, R: Refiner> Localizer for Refined<L, R> {
    fn localize(&mut self, image: &Volume<f32>, prompt: &str) -> Result<Region, LocalizeError> {
        let region = self.localizer.localize(image, prompt)?;
        let mut provenance = region.provenance().clone();
        provenance.localizer = format!("{}+{}", provenance.localizer, self.refiner.name());
        provenance.models.extend(self.refiner.models());
        let mut settings = self.settings();
        let score = region.score();

        if region.voxel_count() == 0 {
            tracing::warn!(prompt, "the coarse region is empty: nothing was refined");
            settings["warning"] = json!("the coarse region is empty: nothing was refined");
            provenance.settings.insert("refined".to_owned(), settings);
            let (heat, mask) = (region.heat().clone(), region.mask().clone());
            let boxes = region.boxes().to_vec();
            return Ok(Region::new(heat, mask, boxes, score, provenance)?);
        }

        let shown = Shown::new(image, &self.options.display)?;
        let answers = self.answers(&shown, &shown.slices(region.mask()))?;
        let heat = shown.volume(answers.heat.view());
        let mask = heat.map(|value| *value > INSIDE);
        let kept = self.options.components.unwrap_or_else(|| {
            let coarse = region.mask().voxels().view();
            connected_components(coarse, Connectivity::Corners26)
                .1
                .len()
        });
        let mask = largest_components(&mask, kept);
        let boxes = self.options.expansion.boxes(prompt, &mask);

        let mean = answers.scores.iter().sum::<f32>() / answers.scores.len().max(1) as f32;
        settings["boxes"] = json!(answers.scores.len());
        settings["boxes_skipped"] = json!(answers.skipped);
        settings["mean_predicted_iou"] = json!(mean);
        settings["components"] = json!(kept);
        if boxes.is_empty() {
            tracing::warn!(
                prompt,
                "the refiner found nothing in the coarse region's boxes"
            );
            settings["warning"] = json!("the refiner found nothing in the coarse region's boxes");
        }
        provenance.settings.insert("refined".to_owned(), settings);
        Ok(Region::new(heat, mask, boxes, score, provenance)?)
    }

    fn identity(&self) -> Identity {
        let mut identity = self.localizer.identity();
        identity.localizer = format!("{}+{}", identity.localizer, self.refiner.name());
        identity.models.extend(self.refiner.models());
        identity
            .settings
            .insert("refined".to_owned(), self.settings());
        identity
    }
}
