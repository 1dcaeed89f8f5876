//! Detections scored: the curves of all categories, and the figures drawn from them.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::coco::{CocoCategory, CocoDataset, CocoDetection};
use super::curve::{Curve, Ranked};
use super::figure::{FigureKind, figures};
use super::images::Matches;
use super::region::{BoxRegion, MaskRegion};
use super::{CocoError, DetectionOptions, Overlap};

/// Detections matched with a ground truth.
#[derive(Debug, Clone)]
pub struct DetectionEvaluation {
    pub(super) options: DetectionOptions,
    pub(super) kinds: Vec<FigureKind>,
    pub(super) categories: Vec<CategoryCurves>,
    pub(super) images: usize,
    pub(super) annotations: usize,
    pub(super) crowds: usize,
    pub(super) detections: usize,
}

/// A category's curves.
#[derive(Debug, Clone)]
pub(super) struct CategoryCurves {
    /// None where categories are set aside.
    pub category: Option<CocoCategory>,
    /// By range of area.
    pub curves: Vec<Curve>,
}

impl DetectionEvaluation {
    /// Scores detections. Images are matched in parallel; the outcome is the same on any number of threads. Of an image's
    /// detections beyond the last of [`DetectionOptions::max_detections`] no more is looked at than ids, score and box.
    ///
    /// # Errors
    /// [`CocoError`]: what is wrong with the options, or with which detection or annotation.
    pub fn new(
        dataset: &CocoDataset,
        detections: &[CocoDetection],
        options: &DetectionOptions,
    ) -> Result<Self, CocoError> {
        options.check()?;
        let matches = match options.overlap {
            Overlap::Boxes => Matches::new::<BoxRegion>(dataset, detections, options)?,
            Overlap::Masks => Matches::new::<MaskRegion>(dataset, detections, options)?,
        };
        let categories: Vec<Option<CocoCategory>> = if options.class_agnostic {
            vec![None]
        } else {
            let named = dataset
                .category_ids()
                .places()
                .map(|place| dataset.categories().get(place).cloned());
            named.collect()
        };
        let crowds = dataset.annotations().iter().filter(|a| a.iscrowd).count();
        Ok(Self {
            kinds: figures(options),
            categories: curves(&matches, categories, options),
            options: options.clone(),
            images: dataset.images().len(),
            annotations: dataset.annotations().len() - crowds,
            crowds,
            detections: detections.len(),
        })
    }

    /// Each figure; none where no category has an object that counts. Under the default options these are pycocotools'
    /// twelve: `ap`, `ap50`, `ap75`, `ap_small`, `ap_medium`, `ap_large`, `ar_1`, `ar_10`, `ar_100`, `ar_small`,
    /// `ar_medium`, `ar_large`.
    pub fn figures(&self) -> BTreeMap<String, Option<f64>> {
        let scored = self.scored(&vec![1; self.images], &mut Vec::new());
        let defined = scored
            .iter()
            .map(|value| (!value.is_nan()).then_some(*value));
        let names = self.kinds.iter().map(|kind| kind.name.clone());
        names.zip(defined).collect()
    }

    /// Interpolated precision at the recalls 0, 0.01, …, 1 of a category (none: all, where they are set aside) at the
    /// threshold and in the range of area of these indices in the options; none where nothing there counts.
    pub fn precision(
        &self,
        category_id: Option<i64>,
        threshold: usize,
        range: usize,
    ) -> Option<Vec<f64>> {
        if threshold >= self.options.iou_thresholds.len() {
            return None;
        }
        let is_asked = |of: &&CategoryCurves| of.category.as_ref().map(|c| c.id) == category_id;
        let curve = self.categories.iter().find(is_asked)?.curves.get(range)?;
        curve.precision(threshold, &vec![1; self.images])
    }

    /// The figures under the images' multiplicities, NaN where undefined: over all categories, then each category's own.
    pub(super) fn scored(&self, multiplicities: &[u32], seen: &mut Vec<u64>) -> Vec<f64> {
        let n = self.kinds.len();
        let mut values = vec![f64::NAN; n];
        for category in &self.categories {
            values.extend(self.of_category(category, multiplicities, seen));
        }
        for figure in 0..n {
            let of_categories = (1..=self.categories.len()).map(|k| values[k * n + figure]);
            let defined = of_categories.filter(|value| !value.is_nan());
            let (sum, count) = defined.fold((0.0, 0), |(s, n), value| (s + value, n + 1));
            if count > 0 {
                values[figure] = sum / f64::from(count);
            }
        }
        values
    }

    fn of_category(
        &self,
        category: &CategoryCurves,
        multiplicities: &[u32],
        seen: &mut Vec<u64>,
    ) -> Vec<f64> {
        let limits = &self.options.max_detections;
        let curves = category.curves.iter();
        let points: Vec<_> = curves
            .map(|curve| curve.points(multiplicities, limits, seen))
            .collect();
        let mean = |kind: &FigureKind| -> Option<f64> {
            let points = points[kind.range].as_ref()?;
            let by_threshold = if kind.precision {
                &points.average_precision
            } else {
                &points.recalls[kind.limit]
            };
            let values = kind.thresholds.iter().map(|t| by_threshold[*t]);
            (!kind.thresholds.is_empty())
                .then(|| values.sum::<f64>() / kind.thresholds.len() as f64)
        };
        self.kinds
            .iter()
            .map(|kind| mean(kind).unwrap_or(f64::NAN))
            .collect()
    }
}

/// Puts the images' matches together by category.
fn curves(
    matches: &Matches,
    categories: Vec<Option<CocoCategory>>,
    options: &DetectionOptions,
) -> Vec<CategoryCurves> {
    let mut found = vec![Vec::new(); categories.len()];
    for (at, scored) in matches.scored.iter().enumerate() {
        found[scored.category as usize].push(at);
    }
    let mut groups = vec![Vec::new(); categories.len()];
    for (at, [_, category]) in matches.groups.iter().enumerate() {
        groups[*category as usize].push(at);
    }
    let ranges = options.area_ranges.len();
    let thresholds = options.iou_thresholds.len();
    let jobs: Vec<_> = categories.into_iter().zip(found).zip(groups).collect();
    jobs.into_par_iter()
        .map(|((category, mut found), groups)| {
            // Stable: of equal scores the image of the lower id comes first, then the earlier in the list.
            found.sort_by(|a, b| {
                let score = |at: &usize| matches.scored[*at].score;
                let falling = score(b).partial_cmp(&score(a));
                falling.unwrap_or(std::cmp::Ordering::Equal)
            });
            let curve = |range: usize| {
                let ranked = found.iter().map(|at| Ranked {
                    image: matches.scored[*at].image,
                    rank: matches.scored[*at].rank,
                    outcome: matches.outcomes[at * ranges + range],
                });
                let truths = groups
                    .iter()
                    .map(|at| (matches.groups[*at][0], matches.counted[at * ranges + range]))
                    .filter(|(_, counted)| *counted > 0);
                Curve::new(thresholds, ranked, truths.collect())
            };
            CategoryCurves {
                category,
                curves: (0..ranges).map(curve).collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;
    use scarce_image::{Seed, StreamKey};

    use super::*;
    use crate::detection::coco::{CocoAnnotation, CocoImage};

    /// Images that come so often, each copy with an id of its own.
    fn data(multiplicities: &[u32]) -> (CocoDataset, Vec<CocoDetection>) {
        let (mut images, mut annotations, mut detections) = (Vec::new(), Vec::new(), Vec::new());
        for (image, times) in multiplicities.iter().enumerate() {
            for _ in 0..*times {
                let image_id = images.len() as i64;
                images.push(CocoImage {
                    id: image_id,
                    height: None,
                    width: None,
                    file_name: None,
                });
                let mut rng = Seed(9).stream(StreamKey {
                    epoch: image as u64,
                    sample_id: "",
                    purpose: "test",
                });
                for k in 0..6 {
                    let place = [0.0; 2].map(|_| rng.random_range(0.0..200.0));
                    let side = rng.random_range(5.0..120.0);
                    let category_id = rng.random_range(1..=3);
                    annotations.push(CocoAnnotation {
                        id: annotations.len() as i64,
                        image_id,
                        category_id,
                        bbox: Some([place[0], place[1], side, side]),
                        segmentation: None,
                        area: None,
                        iscrowd: k == 5,
                    });
                    for _ in 0..2 {
                        let shift = side * rng.random_range(-0.3..0.3);
                        detections.push(CocoDetection {
                            image_id,
                            category_id,
                            bbox: Some([place[0] + shift, place[1], side, side]),
                            segmentation: None,
                            score: rng.random(),
                        });
                    }
                }
            }
        }
        let categories = (1..=3).map(|id| CocoCategory {
            id,
            name: String::new(),
        });
        let dataset = CocoDataset::new(images, annotations, categories.collect()).unwrap();
        (dataset, detections)
    }

    /// Resampling reweights matches. It must come to the same as scoring a set in which images do come repeatedly.
    #[test]
    fn multiplicities_are_copies() {
        let options = DetectionOptions::default().with_max_detections([1, 3, 7]);
        let (dataset, detections) = data(&[1; 8]);
        let evaluation = DetectionEvaluation::new(&dataset, &detections, &options).unwrap();
        for multiplicities in [
            [1; 8],
            [2, 0, 1, 3, 0, 0, 1, 1],
            [0, 0, 0, 8, 0, 0, 0, 0],
            [0; 8],
        ] {
            let got = evaluation.scored(&multiplicities, &mut Vec::new());
            let (dataset, detections) = data(&multiplicities);
            let copies = DetectionEvaluation::new(&dataset, &detections, &options).unwrap();
            let times = vec![1; multiplicities.iter().sum::<u32>() as usize];
            let expected = copies.scored(&times, &mut Vec::new());
            assert_eq!(got.len(), 12 * 4);
            for (a, b) in got.iter().zip(&expected) {
                let same = (a - b).abs() < 1e-12 || (a.is_nan() && b.is_nan());
                assert!(same, "{multiplicities:?}: {a}, expected {b}");
            }
        }
    }
}
