//! `report`: a run folder as one page.
//!
//! The folder is walked for what the other verbs leave: `localization.json`, `check.json`, mask audits,
//! training runs, `prediction.json`, evaluations and detections.

mod detection;
mod regions;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ndarray::Axis;
use scarce_cli::arguments::ReportArguments;
use scarce_cli::artefacts::PredictionRecord;
use scarce_image::{LabelMap, reorient_to_ras, window};
use scarce_report::radiological;
use scarce_report::{LineChart, Picture, Report, Section, Series, metrics_table};
use serde_json::Value;

use super::evaluate::EvaluationFile;

/// HU that are drawn black and white.
const WINDOW: [f32; 2] = [-200.0, 400.0];

/// Writes `report.html` and prints its path.
pub fn run(arguments: &ReportArguments) -> anyhow::Result<()> {
    let run = &arguments.run;
    let mut files = Vec::new();
    walk(run, &mut files)?;
    let named = |name: &'static str| files.iter().filter(move |path| path.ends_with(name));
    let mut report = Report::new(
        &arguments.title,
        "Made by scarce from the artefacts of one run folder.",
    );
    for path in named("localization.json") {
        report.push(regions::localization(path)?);
    }
    for path in named("check.json") {
        for section in regions::prompt_sanity(path)? {
            report.push(section);
        }
    }
    for path in files
        .iter()
        .filter(|path| path.with_extension("npy").is_file())
    {
        if path.extension().is_some_and(|e| e == "json") {
            report.push(masks(path)?);
        }
    }
    let runs: Vec<&Path> = named("metrics.jsonl")
        .filter_map(|path| path.parent())
        .collect();
    for kind in ["pretrain", "finetune", "semi"] {
        if let Some(section) = trainings(kind, &runs, run)? {
            report.push(section);
        }
    }
    for path in named("evaluation.json") {
        report.push(evaluation(path, run)?);
    }
    for path in named("boxes.json") {
        report.push(detection::section(path, run)?);
    }
    anyhow::ensure!(
        !report.is_empty(),
        "nothing to report on: {}",
        run.display()
    );
    let page = run.join("report.html");
    let html = report.to_html()?;
    scarce_io::write_atomic(&page, |file| file.write_all(html.as_bytes()))?;
    tracing::info!("{}", page.display());
    Ok(())
}

/// All files below a folder in order of their paths, checkpoints left out.
pub(super) fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let list = || format!("cannot list {}", folder.display());
    let mut entries = fs::read_dir(folder)
        .with_context(list)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()
        .with_context(list)?;
    entries.sort();
    for path in entries {
        if !path.is_dir() {
            files.push(path);
        } else if !path.ends_with("checkpoints") {
            walk(&path, files)?;
        }
    }
    Ok(())
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("cannot read {}", path.display()))
}

/// The axial slice with most of a mask.
fn fullest_slice(mask: &LabelMap) -> usize {
    let area = |z: usize| {
        mask.slice_z(z)
            .map_or(0, |s| s.iter().filter(|v| **v != 0).count())
    };
    let depth = mask.shape_zyx()[0];
    (0..depth)
        .max_by_key(|z| (area(*z), std::cmp::Reverse(*z)))
        .unwrap_or(0)
}

/// Slices are drawn about this wide.
fn enlarged(picture: &Picture) -> Picture {
    picture.upscaled((320 / picture.pixels().len_of(Axis(1)).max(1)).max(1))
}

fn masks(path: &Path) -> anyhow::Result<Section> {
    let record: Value = read_json(path)?;
    let region = record["region"].as_str().unwrap_or_default();
    let slice = record["slice"].as_u64().map(|z| z as usize);
    let (region, _) = super::mask::read_region(Path::new(region), slice)?;
    let hidden = scarce_io::read_npy_bool3(&path.with_extension("npy"))?;
    let grey = region.map(|inside| if *inside { 0.85 } else { 0.2 });
    let shown: Vec<Picture> = hidden
        .outer_iter()
        .take(4)
        .map(|cells| {
            let picture =
                Picture::grey(grey.view()).with_hidden_cells(cells.into_dimensionality()?);
            Ok(picture.with_mask_outline(region.view(), Picture::REGION))
        })
        .collect::<Result<_, ndarray::ShapeError>>()?;
    let policy = record["policy"]["kind"].as_str().unwrap_or("unknown");
    let mut section = Section::new(format!("Masks: {policy} policy"));
    let first = &record["masks"][0];
    let percent = |key: &str| {
        first[key]
            .as_f64()
            .map_or("none".to_owned(), |v| format!("{:.1} %", 100.0 * v))
    };
    section.text(format!(
        "Hidden: {} of all cells, {} of the region's, {} of the others.",
        percent("achieved"),
        percent("achieved_region"),
        percent("achieved_background")
    ));
    section.picture(
        &Picture::row(&shown),
        "The first masks over the region's slice; grey blocks are hidden.",
    )?;
    Ok(section)
}

/// The trainings of one kind: their curves in one chart each, and their reconstructions.
fn trainings(kind: &str, runs: &[&Path], root: &Path) -> anyhow::Result<Option<Section>> {
    let mut curves: BTreeMap<String, Vec<Series>> = BTreeMap::new();
    let mut pictures = Vec::new();
    for run in runs {
        let manifest: Value = read_json(&run.join("manifest.json"))?;
        if manifest["kind"] != kind {
            continue;
        }
        let name = run.strip_prefix(root).unwrap_or(run).display().to_string();
        let mut columns: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        let metrics = run.join("metrics.jsonl");
        let text = fs::read_to_string(&metrics)
            .with_context(|| format!("cannot read {}", metrics.display()))?;
        for line in text.lines() {
            let row: serde_json::Map<String, Value> = serde_json::from_str(line)
                .with_context(|| format!("cannot read {}", metrics.display()))?;
            let step = row.get("step").and_then(Value::as_f64).unwrap_or(f64::NAN);
            for (key, value) in row
                .iter()
                .filter(|(key, _)| key.contains("loss") || is_term(key))
            {
                columns
                    .entry(key.clone())
                    .or_default()
                    .push((step, value.as_f64().unwrap_or(f64::NAN)));
            }
        }
        for (key, points) in columns {
            let series = Series {
                name: name.clone(),
                points: smoothed(&points),
            };
            curves.entry(key).or_default().push(series);
        }
        let folder = run.join("reconstructions");
        if folder.is_dir() {
            let mut files = Vec::new();
            walk(&folder, &mut files)?;
            pictures.push((name, files));
        }
    }
    if curves.is_empty() {
        return Ok(None);
    }
    let heading = match kind {
        "pretrain" => "Masked image modelling",
        "finetune" => "Fine-tuning",
        _ => "Semi-supervised training",
    };
    let mut section = Section::new(heading);
    for (key, series) in curves {
        let chart = LineChart {
            x_label: "step".to_owned(),
            y_label: key.replace('_', " "),
            series,
        };
        section.chart(
            &chart,
            format!("{}, running mean of 10 steps", key.replace('_', " ")),
        )?;
    }
    for (name, files) in pictures {
        for file in files {
            let png = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            section.png(
                &png,
                format!("{name}: the slice, what the encoder was shown, the reconstruction."),
            );
        }
    }
    Ok(Some(section))
}

fn is_term(key: &str) -> bool {
    ["consistency", "coral", "cross_entropy"].contains(&key)
}

fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    points
        .windows(10.min(points.len()).max(1))
        .map(|window| {
            let mean = window.iter().map(|p| p.1).sum::<f64>() / window.len() as f64;
            (window.last().map_or(f64::NAN, |p| p.0), mean)
        })
        .collect()
}

fn evaluation(path: &Path, root: &Path) -> anyhow::Result<Section> {
    let file: EvaluationFile = read_json(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = folder
        .strip_prefix(root)
        .unwrap_or(folder)
        .display()
        .to_string();
    let mut section = Section::new(format!("Prediction against truth: {name}"));
    for files in &file.inputs {
        let record: PredictionRecord = read_json(
            &files
                .prediction
                .parent()
                .unwrap_or(Path::new("."))
                .join("prediction.json"),
        )?;
        section.text(format!(
            "Case {}: the {} after {} steps.",
            files.id, record.network, record.steps
        ));
        let image = window(
            &reorient_to_ras(&scarce_io::read_volume(&record.input)?),
            WINDOW[0],
            WINDOW[1],
        );
        let prediction = reorient_to_ras(&scarce_io::read_label_map(&files.prediction)?);
        let reference = reorient_to_ras(&scarce_io::read_label_map(&files.reference)?);
        let centre = fullest_slice(&reference);
        let spread = 20.0 / image.geometry().spacing_mm_zyx()[0];
        let pictures: Vec<Picture> = [-1.0, 0.0, 1.0]
            .into_iter()
            .filter_map(|step| {
                let z = (centre as f64 + step * spread).round().max(0.0) as usize;
                let inside = |map: &LabelMap| Some(radiological(map.slice_z(z)?).map(|v| *v != 0));
                let (p, r) = (inside(&prediction)?, inside(&reference)?);
                let grey = Picture::grey(radiological(image.slice_z(z)?).view());
                Some(
                    enlarged(&grey)
                        .with_mask_outline(r.view(), Picture::REFERENCE)
                        .with_mask_outline(p.view(), Picture::PREDICTION),
                )
            })
            .collect();
        section.picture(
            &Picture::row(&pictures),
            "Three axial slices, 20 mm apart: the prediction's outline in blue, the truth's in pink.",
        )?;
    }
    section.table(metrics_table(&file.report));
    Ok(section)
}
