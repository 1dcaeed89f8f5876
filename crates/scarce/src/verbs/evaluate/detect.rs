//! `--task detect`: COCO results against COCO annotations.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use scarce_cli::arguments::EvaluateArguments;
use scarce_cli::exit::UsageError;
use scarce_image::Seed;
use scarce_metrics::detection::coco::detections_from_json;
use scarce_metrics::detection::froc::{
    DEFAULT_IOU, FrocError, FrocOptions, FrocReport, coco_froc_report,
};
use scarce_metrics::detection::{
    CocoDataset, CocoDetection, DetectionOptions, Overlap, detection_report,
};

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
    if options.overlap == Overlap::Boxes {
        let froc = froc(arguments, &dataset, &detections)
            .with_context(|| format!("cannot score {}", prediction.display()))?;
        report.figures.extend(froc.figures);
        report.definition.extend(froc.definition);
    }
    show::keep(
        &mut report.figures,
        &mut report.definition,
        &arguments.metrics,
    )?;
    show::summaries(&report.figures);
    show::write(arguments, &report, &[])
}

/// Lesions found over false positives an image, all categories as one.
fn froc(
    arguments: &EvaluateArguments,
    dataset: &CocoDataset,
    detections: &[CocoDetection],
) -> Result<FrocReport, FrocError> {
    let mut options = FrocOptions::default();
    if let Some(resamples) = arguments.resamples {
        options = options.with_resamples(resamples);
    }
    let seed = Seed(arguments.seed);
    coco_froc_report(dataset, detections, DEFAULT_IOU, &options, seed)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
