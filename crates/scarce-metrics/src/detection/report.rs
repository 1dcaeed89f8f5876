//! The record of an evaluation: each figure with its interval and its definition.

use std::collections::BTreeMap;

use scarce_image::Seed;
use serde::{Deserialize, Serialize};

use super::bootstrap::{interval, resampled};
use super::coco::{CocoDataset, CocoDetection};
use super::definition::definition;
use super::{CocoError, DetectionEvaluation, DetectionOptions};

/// A figure and how far to trust it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectionFigure {
    /// The figure; none where nothing counts for it.
    pub value: Option<f64>,
    /// Lower end of the 95 % interval; none below two images or without resamples.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Images (or scans) the figure is over.
    pub n: usize,
    /// Categories left out of it, since nothing in them counts.
    pub n_undefined: usize,
}

/// What became of a set of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectionReport {
    /// By name, over all categories.
    pub figures: BTreeMap<String, DetectionFigure>,
    /// Each category's own, by ascending id; none where categories are set aside.
    pub categories: Vec<CategoryReport>,
    /// What each figure means.
    pub definition: BTreeMap<String, String>,
    /// Images evaluated, those without objects among them.
    pub n_images: usize,
    /// Objects, crowds apart.
    pub n_annotations: usize,
    /// Annotations that stand for groups.
    pub n_crowds: usize,
    /// Detections handed in.
    pub n_detections: usize,
}

/// One category's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CategoryReport {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// By name.
    pub figures: BTreeMap<String, DetectionFigure>,
}

/// Scores detections and puts an interval to each figure: [`DetectionEvaluation::new`] and
/// [`DetectionEvaluation::report`].
///
/// # Errors
/// [`CocoError`]: what is wrong with the options, or with which detection or annotation.
pub fn detection_report(
    dataset: &CocoDataset,
    detections: &[CocoDetection],
    options: &DetectionOptions,
    seed: Seed,
) -> Result<DetectionReport, CocoError> {
    Ok(DetectionEvaluation::new(dataset, detections, options)?.report(seed))
}

impl DetectionEvaluation {
    /// The figures with 95 % percentile intervals over resamples of the images: each image is drawn as often as it comes,
    /// with its matches as they are, and the curves are drawn again. The same for one seed on any number of threads.
    pub fn report(&self, seed: Seed) -> DetectionReport {
        let values = self.scored(&vec![1; self.images], &mut Vec::new());
        let resamples = resampled(
            self.images,
            self.options.resamples,
            seed,
            "detection-bootstrap",
            |multiplicities, seen| self.scored(multiplicities, seen),
        );
        let n = self.kinds.len();
        let figure = |at: usize, n_undefined: usize| {
            let ends = interval(&resamples, at);
            let value = values.get(at).copied().filter(|value| !value.is_nan());
            DetectionFigure {
                value,
                low: ends.map(|(low, _)| low),
                high: ends.map(|(_, high)| high),
                n: self.images,
                n_undefined,
            }
        };
        let undefined = |figure: usize| {
            let of_categories = (1..=self.categories.len()).map(|k| values[k * n + figure]);
            of_categories.filter(|value| value.is_nan()).count()
        };
        let names = || self.kinds.iter().map(|kind| kind.name.clone());
        let categories = self.categories.iter().enumerate();
        let of_category = |(k, of): (usize, &super::evaluation::CategoryCurves)| {
            let category = of.category.as_ref()?;
            let own = |at: usize| figure(at, usize::from(values[at].is_nan()));
            Some(CategoryReport {
                id: category.id,
                name: category.name.clone(),
                figures: names().zip(((k + 1) * n..).map(own)).collect(),
            })
        };
        DetectionReport {
            figures: names()
                .zip((0..n).map(|at| figure(at, undefined(at))))
                .collect(),
            categories: categories.filter_map(of_category).collect(),
            definition: self
                .kinds
                .iter()
                .map(|kind| (kind.name.clone(), definition(kind, &self.options)))
                .collect(),
            n_images: self.images,
            n_annotations: self.annotations,
            n_crowds: self.crowds,
            n_detections: self.detections,
        }
    }
}
