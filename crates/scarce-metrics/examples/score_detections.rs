//! Scores a detector's results against a ground truth, both as COCO has them: the usual figures with their intervals, each
//! category's, and sensitivity over false positives an image. Without files, of a small set made up here.
//!
//! ```text
//! cargo run --release -p scarce-metrics --example score_detections [TRUTH.json DETECTIONS.json]
//! ```
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::fs;

use scarce_image::Seed;
use scarce_metrics::Summary;
use scarce_metrics::detection::coco::{
    CocoAnnotation, CocoCategory, CocoImage, Segmentation, detections_from_json,
};
use scarce_metrics::detection::froc::{FrocOptions, HitRule, froc_report, froc_scans};
use scarce_metrics::detection::{
    CocoDataset, CocoDetection, DetectionOptions, Overlap, detection_report,
};

fn main() -> Result<(), Box<dyn Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let (dataset, detections) = match &files[..] {
        [truth, detections] => (
            CocoDataset::from_json(&fs::read(truth)?)?,
            detections_from_json(&fs::read(detections)?)?,
        ),
        _ => made_up()?,
    };
    for overlap in [Overlap::Boxes, Overlap::Masks] {
        let options = DetectionOptions::default().with_overlap(overlap);
        let report = detection_report(&dataset, &detections, &options, Seed(0))?;
        println!("{overlap:?}, {} images", report.n_images);
        for name in ["ap", "ap50", "ap_small", "ar_100"] {
            println!("  {name:8} {}", shown(&report.figures[name]));
        }
        for category in &report.categories {
            let of = &category.figures["ap50"];
            println!("  ap50 of {}: {}", category.name, shown(of));
        }
        println!("  ap is the {}\n", report.definition["ap"]);
    }

    let scans = froc_scans(&dataset, &detections, None, 0.5)?;
    let report = froc_report(&scans, HitRule::Iou(0.5), &FrocOptions::default(), Seed(0))?;
    println!("{} of {} objects found", report.n_found, report.n_lesions);
    for (name, figure) in &report.figures {
        println!("  {name:22} {}", shown(figure));
    }
    Ok(())
}

/// `0.812 (0.774 to 0.846)`.
fn shown(figure: &Summary) -> String {
    match (figure.value, figure.low, figure.high) {
        (Some(value), Some(low), Some(high)) => format!("{value:.3} ({low:.3} to {high:.3})"),
        (Some(value), ..) => format!("{value:.3}"),
        (None, ..) => "undefined".to_owned(),
    }
}

/// Forty slices with a lesion each; every fifth is missed, and every third has a mistake.
fn made_up() -> Result<(CocoDataset, Vec<CocoDetection>), Box<dyn Error>> {
    let (mut images, mut annotations, mut detections) = (Vec::new(), Vec::new(), Vec::new());
    for id in 0..40 {
        images.push(CocoImage {
            id,
            height: Some(128),
            width: Some(128),
            file_name: None,
        });
        let side = 12.0 + 2.0 * id as f64;
        let (bbox, outline) = square(10.0, side);
        annotations.push(CocoAnnotation {
            id,
            image_id: id,
            category_id: 1,
            bbox: Some(bbox),
            segmentation: Some(outline),
            area: Some(side * side),
            iscrowd: false,
        });
        let off = (id % 7) as f64 * side / 30.0;
        let mut found = |at: f64, score: f64| {
            let (bbox, outline) = square(at, side);
            detections.push(CocoDetection {
                image_id: id,
                category_id: 1,
                bbox: Some(bbox),
                segmentation: Some(outline),
                score,
            });
        };
        if id % 5 > 0 {
            found(10.0 + off, 0.95 - off / side);
        }
        if id % 3 == 0 {
            found(10.0 + side, 0.5 + id as f64 / 100.0);
        }
    }
    let lesion = CocoCategory {
        id: 1,
        name: "lesion".to_owned(),
    };
    let dataset = CocoDataset::new(images, annotations, vec![lesion])?;
    Ok((dataset, detections))
}

/// A square on the diagonal: its box, and its outline as a polygon.
fn square(at: f64, side: f64) -> ([f64; 4], Segmentation) {
    let end = at + side;
    let polygon = vec![at, at, end, at, end, end, at, end];
    ([at, at, side, side], Segmentation::Polygons(vec![polygon]))
}
