//! COCO's two files: the ground truth up to a line of `---`, the detections after it; scored as boxes and as masks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scarce_metrics::detection::coco::{detections_from_json, detections_to_json};
use scarce_metrics::detection::{CocoDataset, DetectionEvaluation, DetectionOptions, Overlap};

const BETWEEN: &[u8] = b"\n---\n";

fuzz_target!(|bytes: &[u8]| {
    let between = bytes.windows(BETWEEN.len()).position(|at| at == BETWEEN);
    let (truth, found) = match between {
        Some(at) => (&bytes[..at], &bytes[at + BETWEEN.len()..]),
        None => (bytes, &b"[]"[..]),
    };
    let dataset = match CocoDataset::from_json(truth) {
        Ok(dataset) => dataset,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let detections = match detections_from_json(found) {
        Ok(detections) => detections,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    if let Ok(written) = dataset.to_json() {
        assert_eq!(
            CocoDataset::from_json(written.as_bytes()).as_ref(),
            Ok(&dataset)
        );
    }
    if let Ok(written) = detections_to_json(&detections) {
        assert_eq!(
            detections_from_json(written.as_bytes()).as_ref(),
            Ok(&detections)
        );
    }
    for overlap in [Overlap::Boxes, Overlap::Masks] {
        let options = DetectionOptions::default().with_overlap(overlap);
        match DetectionEvaluation::new(&dataset, &detections, &options) {
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(evaluation) => {
                let bounded = |value: &Option<f64>| value.is_none_or(|v| (0.0..=1.0).contains(&v));
                assert!(evaluation.figures().values().all(bounded));
            }
        }
    }
});
