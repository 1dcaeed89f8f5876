//! How often the intervals hold what they are to hold.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use rand::Rng as _;
use scarce_image::{Seed, StreamKey};
use scarce_metrics::detection::coco::{CocoAnnotation, CocoCategory, CocoImage};
use scarce_metrics::detection::{
    AreaRange, CocoDataset, CocoDetection, DetectionEvaluation, DetectionOptions, detection_report,
};

/// Images some of which are hard: there objects are missed, boxes shifted, scores low. Mistakes anywhere.
fn sample(images: i64, draw: u64) -> (CocoDataset, Vec<CocoDetection>) {
    let mut rng = Seed(draw).stream(StreamKey {
        epoch: 0,
        sample_id: "",
        purpose: "coverage",
    });
    let (mut annotations, mut detections) = (Vec::new(), Vec::new());
    for image_id in 0..images {
        let hard: f64 = rng.random();
        let mut detect = |bbox: [f64; 4], score: f64| {
            detections.push(CocoDetection {
                image_id,
                category_id: 1,
                bbox: Some(bbox),
                segmentation: None,
                score,
            });
        };
        for k in 0..rng.random_range(0..5) {
            let (x, side) = (300.0 * f64::from(k), rng.random_range(10.0..120.0));
            annotations.push(CocoAnnotation {
                id: annotations.len() as i64,
                image_id,
                category_id: 1,
                bbox: Some([x, 0.0, side, side]),
                segmentation: None,
                area: None,
                iscrowd: false,
            });
            if rng.random::<f64>() > 0.4 * hard {
                let shift = side * 0.5 * hard * rng.random::<f64>();
                let score = rng.random_range(0.5..1.0) - 0.4 * hard;
                detect([x + shift, 0.0, side, side], score);
            }
        }
        for _ in 0..rng.random_range(0..4) {
            detect([0.0, 500.0, 50.0, 50.0], rng.random_range(0.0..0.6));
        }
    }
    let image = |id: i64| CocoImage {
        id,
        height: None,
        width: None,
        file_name: None,
    };
    let category = CocoCategory {
        id: 1,
        name: String::new(),
    };
    let images = (0..images).map(image).collect();
    let dataset = CocoDataset::new(images, annotations, vec![category]).unwrap();
    (dataset, detections)
}

#[test]
fn nineteen_in_twenty_intervals_hold_the_truth() {
    let all = AreaRange {
        name: "all".to_owned(),
        low: 0.0,
        high: 1e10,
    };
    let options = DetectionOptions::default()
        .with_iou_thresholds([0.5, 0.75])
        .with_area_ranges([all])
        .with_resamples(200);
    let (dataset, detections) = sample(20_000, 0);
    let truth = DetectionEvaluation::new(&dataset, &detections, &options).unwrap();
    let truth = truth.figures();
    let mut held = [0; 3];
    let draws = 200;
    for draw in 1..=draws {
        let (dataset, detections) = sample(100, draw);
        let report = detection_report(&dataset, &detections, &options, Seed(draw)).unwrap();
        for (held, name) in held.iter_mut().zip(["ap", "ap50", "ar_100"]) {
            let (figure, truth) = (&report.figures[name], truth[name].unwrap());
            let (low, high) = (figure.low.unwrap(), figure.high.unwrap());
            *held += u64::from(low <= truth && truth <= high);
        }
    }
    for held in held {
        // 0.95 within three standard errors of so many draws, and a little for the bias of small sets.
        let share = held as f64 / draws as f64;
        assert!((0.89..=0.995).contains(&share), "{held} of {draws}");
    }
}
