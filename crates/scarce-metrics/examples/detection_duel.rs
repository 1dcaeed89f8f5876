//! The twelve COCO figures of two JSON files and the seconds they took, as JSON to stdout: for
//! `benches/peers/metrics/detection.py`, which has others do the same.
//!
//! ```text
//! detection_duel TRUTH.json DETECTIONS.json boxes|masks [RESAMPLES]
//! ```

use std::error::Error;
use std::time::Instant;

use scarce_image::Seed;
use scarce_metrics::detection::coco::detections_from_json;
use scarce_metrics::detection::{CocoDataset, DetectionEvaluation, DetectionOptions, Overlap};
use serde_json::json;

#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [truth, detections, overlap, rest @ ..] = &arguments[..] else {
        return Err(
            "usage: detection_duel TRUTH.json DETECTIONS.json boxes|masks [RESAMPLES]".into(),
        );
    };
    let overlap = match overlap.as_str() {
        "boxes" => Overlap::Boxes,
        "masks" => Overlap::Masks,
        other => return Err(format!("neither boxes nor masks: {other}").into()),
    };
    let resamples = rest.first().map_or(Ok(0), |n| n.parse())?;
    let options = DetectionOptions::default()
        .with_overlap(overlap)
        .with_resamples(resamples);

    let start = Instant::now();
    let dataset = CocoDataset::from_json(&std::fs::read(truth)?)?;
    let detections = detections_from_json(&std::fs::read(detections)?)?;
    let load_s = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let evaluation = DetectionEvaluation::new(&dataset, &detections, &options)?;
    let figures = evaluation.figures();
    let evaluate_s = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let report = evaluation.report(Seed(0));
    let intervals_s = start.elapsed().as_secs_f64();
    let told = json!({
        "figures": figures,
        "intervals": report.figures,
        "load_s": load_s,
        "evaluate_s": evaluate_s,
        "intervals_s": intervals_s,
    });
    println!("{told}");
    Ok(())
}
