//! Free-response ROC against LUNA16's way of it, and its faults.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use scarce_image::Seed;
use scarce_metrics::Summary;
use scarce_metrics::detection::CocoDataset;
use scarce_metrics::detection::coco::detections_from_json;
use scarce_metrics::detection::froc::{
    BallLesion, BoxCandidate, BoxLesion, CentreRule, FrocCurve, FrocOptions, FrocScan, HitRule,
    PointCandidate, froc_report, froc_scans,
};
use serde::Deserialize;

/// Made by `golden/detection_froc.py`.
#[derive(Deserialize)]
struct Golden {
    rule: String,
    scans: Vec<Scan>,
    sensitivities: Vec<f64>,
}

#[derive(Deserialize)]
struct Scan {
    lesions: Vec<Lesion>,
    candidates: Vec<Candidate>,
}

#[derive(Deserialize)]
struct Lesion {
    centre: [f64; 3],
    radius: f64,
    ignored: bool,
    low: [f64; 3],
    high: [f64; 3],
}

#[derive(Deserialize)]
struct Candidate {
    position: [f64; 3],
    score: f64,
    low: [f64; 3],
    high: [f64; 3],
}

impl Scan {
    fn by_points(&self, rule: CentreRule) -> FrocScan {
        let lesions: Vec<_> = self
            .lesions
            .iter()
            .map(|l| BallLesion {
                centre_mm_zyx: l.centre,
                radius_mm: l.radius,
                ignored: l.ignored,
            })
            .collect();
        let candidates: Vec<_> = self
            .candidates
            .iter()
            .map(|c| PointCandidate {
                position_mm_zyx: c.position,
                score: c.score,
            })
            .collect();
        FrocScan::from_points(&lesions, &candidates, rule).unwrap()
    }

    fn by_boxes(&self, iou: f64) -> FrocScan {
        let lesions: Vec<_> = self
            .lesions
            .iter()
            .map(|l| BoxLesion {
                low: l.low,
                high: l.high,
                ignored: l.ignored,
            })
            .collect();
        let candidates: Vec<_> = self
            .candidates
            .iter()
            .map(|c| BoxCandidate {
                low: c.low,
                high: c.high,
                score: c.score,
            })
            .collect();
        FrocScan::from_boxes(&lesions, &candidates, iou).unwrap()
    }
}

#[test]
fn equals_luna16() {
    let goldens: Vec<Golden> =
        serde_json::from_str(include_str!("golden/detection_froc.json")).unwrap();
    for golden in goldens {
        let (rule, told) = match golden.rule.as_str() {
            "within_radius" => (HitRule::Centre(CentreRule::WithinRadius), "its radius"),
            "within_4_mm" => (HitRule::Centre(CentreRule::WithinMm(4.0)), "4 mm"),
            _ => (HitRule::Iou(0.2), "union of boxes 0.2"),
        };
        let scan = |scan: &Scan| match rule {
            HitRule::Centre(rule) => scan.by_points(rule),
            HitRule::Iou(iou) => scan.by_boxes(iou),
        };
        let scans: Vec<FrocScan> = golden.scans.iter().map(scan).collect();
        let report = froc_report(&scans, rule, &FrocOptions::default(), Seed(1)).unwrap();
        let rates = ["0.125", "0.25", "0.5", "1", "2", "4", "8"];
        for (rate, expected) in rates.iter().zip(&golden.sensitivities) {
            let got = &report.figures[&format!("sensitivity_at_{rate}")];
            assert!(
                (got.value.unwrap() - expected).abs() < 1e-12,
                "{} at {rate}: {got:?}, expected {expected}",
                golden.rule
            );
            let (low, high) = (got.low.unwrap(), got.high.unwrap());
            assert!(0.0 <= low && low <= high && high <= 1.0, "{got:?}");
        }
        let cpm = golden.sensitivities.iter().sum::<f64>() / 7.0;
        assert!((report.figures["cpm"].value.unwrap() - cpm).abs() < 1e-12);
        assert!(report.definition["cpm"].contains(told));
        assert_eq!(report.n_scans, 8);
    }
}

fn point(x: f64, score: f64) -> PointCandidate {
    PointCandidate {
        position_mm_zyx: [0.0, 0.0, x],
        score,
    }
}

fn ball(x: f64, ignored: bool) -> BallLesion {
    BallLesion {
        centre_mm_zyx: [0.0, 0.0, x],
        radius_mm: 5.0,
        ignored,
    }
}

/// By hand: what counts, and how.
#[test]
fn further_and_ignored_hits_count_neither_way() {
    let lesions = [
        ball(0.0, false),
        ball(100.0, true),
        ball(200.0, false),
        ball(206.0, false),
    ];
    for (candidates, points) in [
        (&[][..], &[[0.0, 0.0]][..]),
        // Two on one lesion, one beside it, one at exactly the radius.
        (
            &[
                point(1.0, 0.5),
                point(-1.0, 0.9),
                point(20.0, 0.7),
                point(5.0, 0.2),
            ],
            &[
                [0.0, 0.0],
                [0.0, 1.0 / 3.0],
                [1.0, 1.0 / 3.0],
                [2.0, 1.0 / 3.0],
            ],
        ),
        // One on a lesion to be ignored, one on two lesions.
        (
            &[point(101.0, 0.9), point(203.0, 0.8)],
            &[[0.0, 0.0], [0.0, 2.0 / 3.0]],
        ),
        // Of equal scores neither comes first.
        (
            &[point(50.0, 0.8), point(0.0, 0.8)],
            &[[0.0, 0.0], [1.0, 1.0 / 3.0]],
        ),
    ] {
        let scan = FrocScan::from_points(&lesions, candidates, CentreRule::WithinRadius).unwrap();
        assert_eq!(FrocCurve::new(&[scan]).points(), points);
    }
}

#[test]
fn without_lesions_there_is_no_figure() {
    let options = FrocOptions::default().with_rates([1.0]);
    let only_false = FrocScan::from_points(&[], &[point(0.0, 0.5)], CentreRule::WithinRadius);
    let ignored = [ball(0.0, true)];
    let only_ignored = FrocScan::from_points(&ignored, &[], CentreRule::WithinRadius);
    for scans in [vec![], vec![only_false.unwrap(), only_ignored.unwrap()]] {
        let report = froc_report(&scans, HitRule::Iou(0.5), &options, Seed(0)).unwrap();
        let none = Summary {
            value: None,
            low: None,
            high: None,
            n: scans.len(),
            n_undefined: 1,
            n_penalised: 0,
        };
        assert_eq!(report.figures["cpm"], none);
        assert_eq!(report.figures["sensitivity_at_1"], none);
        assert!(FrocCurve::new(&scans).points().is_empty());
    }
}

#[test]
fn faults_are_told() {
    let points = |lesion: BallLesion, candidate: PointCandidate, rule: CentreRule| {
        FrocScan::from_points(&[lesion], &[point(0.0, 0.0), candidate], rule)
            .unwrap_err()
            .to_string()
    };
    let (good, fine, rule) = (ball(0.0, false), point(0.0, 0.5), CentreRule::WithinRadius);
    let negative = BallLesion {
        radius_mm: -1.0,
        ..good
    };
    let flat = |low: [f64; 2], high: [f64; 2], iou: f64| {
        let lesion = BoxLesion {
            low,
            high,
            ignored: false,
        };
        FrocScan::from_boxes(&[lesion], &[], iou)
            .unwrap_err()
            .to_string()
    };
    let options = |rates: &[f64]| {
        froc_report(
            &[],
            HitRule::Iou(0.5),
            &FrocOptions::default().with_rates(rates),
            Seed(0),
        )
        .unwrap_err()
        .to_string()
    };
    for (message, parts) in [
        (
            points(good, point(0.0, f64::NAN), rule),
            &["candidate [1]", "score is NaN"][..],
        ),
        (
            points(good, point(f64::INFINITY, 0.5), rule),
            &["candidate [1]", "position"],
        ),
        (
            points(ball(f64::NAN, false), fine, rule),
            &["lesion [0]", "centre"],
        ),
        (
            points(negative, fine, rule),
            &["lesion [0]", "radius_mm is -1"],
        ),
        (
            points(good, fine, CentreRule::WithinMm(f64::NAN)),
            &["within_mm", "NaN"],
        ),
        (
            flat([0.0, 2.0], [1.0, 1.0], 0.5),
            &["lesion [0]", "high - low is -1"],
        ),
        (flat([0.0; 2], [1.0; 2], 0.0), &["iou", "got 0"]),
        (options(&[1.0, 1.0]), &["rates", "[1.0, 1.0]"]),
        (options(&[f64::NAN]), &["rates", "NaN"]),
        (options(&[]), &["rates"]),
    ] {
        for part in parts {
            assert!(message.contains(part), "{message:?} lacks {part:?}");
        }
    }
}

#[test]
fn images_are_scans() {
    let truth = br#"{"images": [{"id": 5}, {"id": 3}], "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        "annotations": [
            {"id": 1, "image_id": 3, "category_id": 1, "bbox": [0, 0, 10, 10]},
            {"id": 2, "image_id": 5, "category_id": 2, "bbox": [0, 0, 10, 10]},
            {"id": 3, "image_id": 5, "category_id": 1, "bbox": [50, 50, 10, 10], "iscrowd": 1}]}"#;
    let found = br#"[{"image_id": 3, "category_id": 1, "bbox": [0, 0, 10, 9], "score": 0.9},
        {"image_id": 5, "category_id": 1, "bbox": [0, 0, 10, 10], "score": 0.8},
        {"image_id": 5, "category_id": 1, "bbox": [50, 50, 10, 10], "score": 0.7}]"#;
    let dataset = CocoDataset::from_json(truth).unwrap();
    let detections = detections_from_json(found).unwrap();
    let points = |category: Option<i64>| {
        let scans = froc_scans(&dataset, &detections, category, 0.5).unwrap();
        FrocCurve::new(&scans).points()
    };
    assert_eq!(points(Some(1)), [[0.0, 0.0], [0.0, 1.0], [0.5, 1.0]]);
    assert_eq!(points(Some(2)), [[0.0, 0.0]]);
    assert_eq!(points(None), [[0.0, 0.0], [0.0, 0.5], [0.0, 1.0]]);
    let message = froc_scans(&dataset, &detections, Some(9), 0.5)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("category_id") && message.contains('9'),
        "{message}"
    );
    let message = froc_scans(&dataset, &detections, None, 1.5)
        .unwrap_err()
        .to_string();
    assert!(message.contains("iou"), "{message}");
}
