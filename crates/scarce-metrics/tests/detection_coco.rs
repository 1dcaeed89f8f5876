//! COCO figures against pycocotools, and what must hold for any data.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use scarce_metrics::detection::coco::{detections_from_json, detections_to_json};
use scarce_metrics::detection::{
    CocoDataset, CocoDetection, DetectionArea, DetectionEvaluation, DetectionOptions, Overlap,
};
use serde::Deserialize;
use serde_json::Value;

/// Made by `golden/detection.py`.
#[derive(Deserialize)]
struct Golden {
    name: String,
    kind: String,
    options: Asked,
    truth: Value,
    detections: Value,
    figures: BTreeMap<String, Option<f64>>,
    per_category_ap: Vec<Option<f64>>,
    curves: Vec<GoldenCurve>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Asked {
    iou_thrs: Option<Vec<f64>>,
    max_dets: Option<Vec<usize>>,
    use_cats: Option<u8>,
}

#[derive(Deserialize)]
struct GoldenCurve {
    threshold: usize,
    category: usize,
    range: usize,
    precision: Vec<f64>,
}

impl Golden {
    fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("golden/detection_coco.json")).unwrap()
    }

    fn read(&self) -> (CocoDataset, Vec<CocoDetection>) {
        let dataset = CocoDataset::from_json(self.truth.to_string().as_bytes()).unwrap();
        let detections = detections_from_json(self.detections.to_string().as_bytes()).unwrap();
        (dataset, detections)
    }

    fn options(&self) -> DetectionOptions {
        let mut options = DetectionOptions::default()
            .with_resamples(0)
            .with_class_agnostic(self.options.use_cats == Some(0))
            // pycocotools takes it from the boxes where there are some.
            .with_detection_area(DetectionArea::Box)
            .with_overlap(match self.kind.as_str() {
                "bbox" => Overlap::Boxes,
                _ => Overlap::Masks,
            });
        if let Some(thresholds) = &self.options.iou_thrs {
            options = options.with_iou_thresholds(thresholds.clone());
        }
        if let Some(counts) = &self.options.max_dets {
            options = options.with_max_detections(counts.clone());
        }
        options
    }
}

fn close(what: &str, got: Option<f64>, expected: Option<f64>) {
    let same = match (got, expected) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-12,
        (None, None) => true,
        _ => false,
    };
    assert!(same, "{what}: {got:?}, expected {expected:?}");
}

#[test]
fn equals_pycocotools() {
    for golden in Golden::all() {
        let (dataset, detections) = golden.read();
        let evaluation =
            DetectionEvaluation::new(&dataset, &detections, &golden.options()).unwrap();
        let figures = evaluation.figures();
        assert_eq!(
            figures.keys().collect::<Vec<_>>(),
            golden.figures.keys().collect::<Vec<_>>()
        );
        for (name, expected) in &golden.figures {
            close(&format!("{} {name}", golden.name), figures[name], *expected);
        }
        let mut ids: Vec<i64> = dataset.categories().iter().map(|c| c.id).collect();
        ids.sort_unstable();
        for curve in &golden.curves {
            let category = (golden.options.use_cats != Some(0)).then(|| ids[curve.category]);
            let precision = evaluation
                .precision(category, curve.threshold, curve.range)
                .unwrap();
            assert_eq!(precision.len(), 101);
            for (got, expected) in precision.iter().zip(&curve.precision) {
                close(
                    &format!("{} curve", golden.name),
                    Some(*got),
                    Some(*expected),
                );
            }
        }
        let report = evaluation.report(scarce_image::Seed(0));
        let per_category: Vec<_> = report.categories.iter().map(|c| &c.figures["ap"]).collect();
        if golden.options.use_cats != Some(0) {
            assert_eq!(per_category.len(), golden.per_category_ap.len());
        }
        for (got, expected) in per_category.iter().zip(&golden.per_category_ap) {
            close(&format!("{} category", golden.name), got.value, *expected);
        }
    }
}

#[test]
fn what_is_written_reads_the_same() {
    for golden in Golden::all() {
        let (dataset, detections) = golden.read();
        let written = dataset.to_json().unwrap();
        assert_eq!(CocoDataset::from_json(written.as_bytes()).unwrap(), dataset);
        let written = detections_to_json(&detections).unwrap();
        assert_eq!(
            detections_from_json(written.as_bytes()).unwrap(),
            detections
        );
    }
}
