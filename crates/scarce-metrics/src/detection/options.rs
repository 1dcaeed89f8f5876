//! The choices that decide what a detection figure means.

use serde::{Deserialize, Serialize};

use super::CocoError;

/// Bits there are for the thresholds' outcomes.
const MOST_THRESHOLDS: usize = 64;

/// What of a detection is laid over the ground truth (pycocotools' `iouType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// Boxes (`bbox`).
    #[default]
    Boxes,
    /// Masks (`segm`).
    Masks,
}

/// By which area a detection that matches nothing is outside of a range, and so no false positive in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DetectionArea {
    /// Of what is scored: boxes by their box, masks by their pixels.
    #[default]
    Scored,
    /// Of the detection's box, whatever is scored, where it has one: what pycocotools does with masks that come with
    /// boxes.
    Box,
}

/// Objects of a size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AreaRange {
    /// Its name.
    pub name: String,
    /// Smallest area in square pixels, included.
    pub low: f64,
    /// Largest area in square pixels, included.
    pub high: f64,
}

/// How detections are scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DetectionOptions {
    /// _Default:_ [`Overlap::Boxes`].
    pub overlap: Overlap,
    /// Ascending, each above 0 and at most 1. _Default:_ 0.5 to 0.95 in steps of 0.05.
    pub iou_thresholds: Vec<f64>,
    /// How many of an image's detections of a category count, the surest first; ascending. _Default:_ 1, 10, 100.
    pub max_detections: Vec<usize>,
    /// The first is what figures without a range in their name are about. _Default:_ `all`; `small` up to 32²; `medium` up
    /// to 96²; `large`.
    pub area_ranges: Vec<AreaRange>,
    /// Whether categories are set aside, and a detection may match any object (pycocotools' `useCats = 0`).
    /// _Default:_ false.
    pub class_agnostic: bool,
    /// _Default:_ [`DetectionArea::Scored`].
    pub detection_area: DetectionArea,
    /// Resamples of the images behind each interval; 0 gives none. _Default:_ 1000.
    pub resamples: usize,
}

impl Default for DetectionOptions {
    fn default() -> Self {
        let range = |name: &str, low: f64, high: f64| AreaRange {
            name: name.to_owned(),
            low: low * low,
            high: high * high,
        };
        // NumPy's `linspace(0.5, 0.95, 10)` to the last bit, which decides overlaps that lie on a threshold.
        let step = (0.95 - 0.5) / 9.0;
        let mut iou_thresholds: Vec<f64> = (0..9).map(|k| f64::from(k) * step + 0.5).collect();
        iou_thresholds.push(0.95);
        Self {
            overlap: Overlap::default(),
            iou_thresholds,
            max_detections: vec![1, 10, 100],
            area_ranges: vec![
                range("all", 0.0, 1e5),
                range("small", 0.0, 32.0),
                range("medium", 32.0, 96.0),
                range("large", 96.0, 1e5),
            ],
            class_agnostic: false,
            detection_area: DetectionArea::default(),
            resamples: 1000,
        }
    }
}

impl DetectionOptions {
    /// With boxes or masks.
    #[must_use]
    pub fn with_overlap(mut self, overlap: Overlap) -> Self {
        self.overlap = overlap;
        self
    }

    /// With other thresholds of intersection over union.
    #[must_use]
    pub fn with_iou_thresholds(mut self, thresholds: impl Into<Vec<f64>>) -> Self {
        self.iou_thresholds = thresholds.into();
        self
    }

    /// With other counts of detections.
    #[must_use]
    pub fn with_max_detections(mut self, counts: impl Into<Vec<usize>>) -> Self {
        self.max_detections = counts.into();
        self
    }

    /// With other ranges of area.
    #[must_use]
    pub fn with_area_ranges(mut self, ranges: impl Into<Vec<AreaRange>>) -> Self {
        self.area_ranges = ranges.into();
        self
    }

    /// With categories set aside or not.
    #[must_use]
    pub fn with_class_agnostic(mut self, class_agnostic: bool) -> Self {
        self.class_agnostic = class_agnostic;
        self
    }

    /// With another area of detections.
    #[must_use]
    pub fn with_detection_area(mut self, area: DetectionArea) -> Self {
        self.detection_area = area;
        self
    }

    /// With another number of resamples.
    #[must_use]
    pub fn with_resamples(mut self, resamples: usize) -> Self {
        self.resamples = resamples;
        self
    }

    /// Refuses what says nothing.
    pub(super) fn check(&self) -> Result<(), CocoError> {
        let refuse = |option, expected, got| {
            Err(CocoError::Option {
                option,
                expected,
                got,
            })
        };
        let thresholds = &self.iou_thresholds;
        if thresholds.is_empty()
            || thresholds.len() > MOST_THRESHOLDS
            || !thresholds.iter().all(|t| *t > 0.0 && *t <= 1.0)
            || !thresholds.is_sorted_by(|a, b| a < b)
        {
            let expected = "1 to 64 ascending thresholds above 0 and at most 1";
            return refuse("iou_thresholds", expected, format!("{thresholds:?}"));
        }
        let counts = &self.max_detections;
        if counts.first().is_none_or(|first| *first == 0) || !counts.is_sorted_by(|a, b| a < b) {
            let expected = "ascending counts from 1 up";
            return refuse("max_detections", expected, format!("{counts:?}"));
        }
        let ranges = &self.area_ranges;
        if ranges.is_empty() || !ranges.iter().all(|r| 0.0 <= r.low && r.low <= r.high) {
            let expected = "one range or more, each from 0 or more up to no less";
            return refuse("area_ranges", expected, format!("{ranges:?}"));
        }
        // A range of that name would share a figure's name with another range or with a count of detections.
        for (index, range) in ranges.iter().enumerate() {
            let name = &range.name;
            let taken = ranges[..index].iter().any(|other| other.name == *name);
            if taken || name.is_empty() || name.bytes().all(|byte| byte.is_ascii_digit()) {
                let expected = "names of their own, other than numbers";
                return refuse("area_ranges", expected, format!("{name:?}"));
            }
        }
        Ok(())
    }
}
