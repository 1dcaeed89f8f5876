//! `--task detect`: COCO results against COCO annotations.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use scarce_cli::arguments::EvaluateArguments;
use scarce_cli::exit::UsageError;
use scarce_image::Seed;
use scarce_metrics::detection::coco::detections_from_json;
use scarce_metrics::detection::{CocoDataset, DetectionOptions, Overlap, detection_report};

use super::show;

pub fn run(arguments: &EvaluateArguments) -> anyhow::Result<()> {
    let mut options = DetectionOptions::default().with_overlap(match arguments.iou_type.as_str() {
        "segm" => Overlap::Masks,
        _ => Overlap::Boxes,
    });
    if let Some(resamples) = arguments.resamples {
        options = options.with_resamples(resamples);
    }
    if arguments.csv.is_some() {
        let message = "--csv holds figures of single cases, and detection has none: use --json";
        return Err(UsageError(message.to_owned()).into());
    }
    let (reference, prediction) = (&arguments.reference, &arguments.pred);
    let dataset = CocoDataset::from_json(&read(reference)?)
        .with_context(|| format!("cannot use {}", reference.display()))?;
    let detections = detections_from_json(&read(prediction)?)
        .with_context(|| format!("cannot use {}", prediction.display()))?;
    let mut report = detection_report(&dataset, &detections, &options, Seed(arguments.seed))
        .with_context(|| {
            let (prediction, reference) = (prediction.display(), reference.display());
            format!("cannot score {prediction} against {reference}")
        })?;
    show::keep(
        &mut report.figures,
        &mut report.definition,
        &arguments.metrics,
    )?;
    show::summaries(&report.figures);
    show::write(arguments, &report, &[])
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
