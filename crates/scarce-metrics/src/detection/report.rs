//! The record of an evaluation: each figure with its interval and its definition.

use std::collections::BTreeMap;

use scarce_image::Seed;
use serde::{Deserialize, Serialize};

use super::bootstrap::{interval, resampled};
use super::coco::{CocoDataset, CocoDetection};
use super::definition::definition;
use super::{CocoError, DetectionEvaluation, DetectionOptions};
use crate::Summary;
use crate::report::Case;

/// What became of a set of images: keys as an [`EvaluationReport`](crate::report::EvaluationReport)
/// has them, and more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectionReport {
    /// Empty: average precision is no mean over images, and no image has one of its own.
    pub cases: Vec<Case>,
    /// By name, over all categories: `n` counts images, `n_undefined` the categories left out since
    /// nothing in them counts.
    #[serde(rename = "mean")]
    pub figures: BTreeMap<String, Summary>,
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
    pub figures: BTreeMap<String, Summary>,
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
            Summary {
                value,
                low: ends.map(|(low, _)| low),
                high: ends.map(|(_, high)| high),
                n: self.images,
                n_undefined,
                n_penalised: 0,
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
            cases: Vec::new(),
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
