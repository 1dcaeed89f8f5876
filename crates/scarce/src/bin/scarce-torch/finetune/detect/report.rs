//! COCO's records of what is known and found, and what they score.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use scarce_image::Seed;
use scarce_metrics::Summary;
use scarce_metrics::detection::coco::detections_to_json;
use scarce_metrics::detection::froc::{DEFAULT_IOU, FrocOptions, coco_froc_report};
use scarce_metrics::detection::{
    CocoDataset, CocoDetection, DetectionOptions, Overlap, detection_report,
};

use crate::figures::interval;
use crate::finetune::config::DetectFile;

/// `annotations.json` and `detections.json`, as `evaluate --task detect` reads them.
pub fn write_records(
    folder: &Path,
    truth: &CocoDataset,
    detected: &[CocoDetection],
) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, text) in [
        ("annotations.json", truth.to_json()?),
        ("detections.json", detections_to_json(detected)?),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Writes what the records score: `boxes.json`, `masks.json` where there are masks, and `froc.json`.
pub fn score(
    folder: &Path,
    config: &DetectFile,
    truth: &CocoDataset,
    detected: &[CocoDetection],
) -> anyhow::Result<()> {
    let seed = Seed(config.seed);
    for (name, overlap) in [("boxes", Overlap::Boxes), ("masks", Overlap::Masks)] {
        if overlap == Overlap::Masks && !config.method.network.regions.masks {
            continue;
        }
        let options = DetectionOptions::default().with_overlap(overlap);
        let report = detection_report(truth, detected, &options, seed)?;
        scarce_cli::json_output::write(&folder.join(format!("{name}.json")), &report)?;
        for figure in ["ap", "ap50", "ap75"] {
            if let Some(summary) = report.figures.get(figure) {
                tracing::info!("test {name} {figure}: {}", line(summary));
            }
        }
    }
    let options = FrocOptions::default();
    let froc = coco_froc_report(truth, detected, DEFAULT_IOU, &options, seed)?;
    scarce_cli::json_output::write(&folder.join("froc.json"), &froc)?;
    if let Some(summary) = froc.figures.get("sensitivity_at_1") {
        tracing::info!(
            "test sensitivity at one false positive an image: {}",
            line(summary)
        );
    }
    Ok(())
}

fn line(summary: &Summary) -> String {
    format!("{} (n {})", interval(summary), summary.n)
}
