//! `evaluate`: predictions against references.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scarce_image::{LabelMap, Seed};
use scarce_metrics::report::EvaluationReport;
use scarce_metrics::{Measured, Metric, SegmentationOptions, evaluate_labels};
use serde::{Deserialize, Serialize};

use crate::cli::EvaluateArguments;
use crate::exit::UsageError;
use crate::json_output;

/// What `--json` holds: the report, and what was compared.
#[derive(Debug, Serialize, Deserialize)]
pub struct EvaluationFile {
    /// Cases, means, definitions.
    #[serde(flatten)]
    pub report: EvaluationReport,
    /// Prediction and reference of each case.
    pub inputs: Vec<ComparedFiles>,
}

/// A case's files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ComparedFiles {
    /// The case.
    pub id: String,
    /// The prediction.
    pub prediction: PathBuf,
    /// The reference.
    pub reference: PathBuf,
}

/// Scores every case and prints the means.
pub fn run(arguments: &EvaluateArguments) -> anyhow::Result<()> {
    let usage = |error: scarce_metrics::UnknownWord| UsageError(error.to_string());
    let options = SegmentationOptions::default()
        .with_convention(arguments.convention.parse().map_err(usage)?)
        .with_unit(arguments.unit.parse().map_err(usage)?)
        .with_empty(arguments.empty.parse().map_err(usage)?);
    let mut wanted = Vec::new();
    for name in &arguments.metrics {
        wanted.extend(Metric::named(name, &options).map_err(usage)?);
    }
    if wanted.is_empty() {
        wanted = Metric::all(&options);
    }
    let inputs = pair(&arguments.pred, &arguments.reference)?;
    let labels = labels_in(&inputs)?;
    let mut cases = Vec::with_capacity(inputs.len());
    for files in &inputs {
        let prediction = scarce_io::read_label_map(&files.prediction)?;
        let reference = scarce_io::read_label_map(&files.reference)?;
        let figures = compare(&prediction, &reference, &labels, &options, &wanted)
            .with_context(|| format!("case {}", files.id))?;
        cases.push((files.id.clone(), figures));
    }
    let report = EvaluationReport::from_cases(cases, &options, Seed(arguments.seed));
    for (name, summary) in &report.mean {
        let value = summary
            .value
            .map_or_else(|| "undefined".to_owned(), |v| format!("{v:.4}"));
        let interval = match (summary.low, summary.high) {
            (Some(low), Some(high)) => format!(" [{low:.4}, {high:.4}]"),
            _ => String::new(),
        };
        tracing::info!(
            "{name}: {value}{interval} (n {}, undefined {})",
            summary.n,
            summary.n_undefined
        );
    }
    if let Some(path) = &arguments.csv {
        scarce_io::write_atomic(path, |file| file.write_all(report.to_csv().as_bytes()))?;
    }
    if let Some(path) = &arguments.json {
        json_output::write(path, &EvaluationFile { report, inputs })?;
    }
    Ok(())
}

/// The labels of all cases together: a case that lacks one is scored for it all the same.
fn labels_in(inputs: &[ComparedFiles]) -> anyhow::Result<BTreeSet<u16>> {
    let mut labels = BTreeSet::new();
    for path in inputs
        .iter()
        .flat_map(|files| [&files.prediction, &files.reference])
    {
        let map = scarce_io::read_label_map(path)?;
        labels.extend(map.voxels().iter().copied().filter(|label| *label != 0));
    }
    Ok(labels)
}

/// Figures of the only label, or of each (`label-<n>.<figure>`) where there are several.
fn compare(
    prediction: &LabelMap,
    reference: &LabelMap,
    labels: &BTreeSet<u16>,
    options: &SegmentationOptions,
    wanted: &[Metric],
) -> anyhow::Result<BTreeMap<String, Measured>> {
    let mut labels: Vec<u16> = labels.iter().copied().collect();
    if labels.is_empty() {
        // Nothing anywhere is agreement about whichever label.
        labels.push(1);
    }
    let by_label = evaluate_labels(prediction, reference, &labels, options, wanted)?;
    let several = by_label.len() > 1;
    let named = by_label.into_iter().flat_map(|(label, figures)| {
        figures.into_iter().map(move |(name, measured)| {
            let name = if several {
                format!("label-{label}.{name}")
            } else {
                name
            };
            (name, measured)
        })
    });
    Ok(named.collect())
}

/// Predictions and references that belong together: two files, or two folders by file name. A file
/// without its partner is an error, or a missing prediction would raise the mean.
fn pair(prediction: &Path, reference: &Path) -> anyhow::Result<Vec<ComparedFiles>> {
    if prediction.is_dir() != reference.is_dir() {
        let message = "--pred and --ref must both be files or both be folders".to_owned();
        return Err(UsageError(message).into());
    }
    if !prediction.is_dir() {
        let files = ComparedFiles {
            id: super::stem(prediction),
            prediction: prediction.to_owned(),
            reference: reference.to_owned(),
        };
        return Ok(vec![files]);
    }
    let (predictions, references) = (label_files(prediction)?, label_files(reference)?);
    let names = |files: &BTreeMap<String, PathBuf>| files.keys().cloned().collect::<BTreeSet<_>>();
    let alone: Vec<String> = names(&predictions)
        .symmetric_difference(&names(&references))
        .cloned()
        .collect();
    anyhow::ensure!(
        alone.is_empty(),
        "without a partner in the other folder: {}",
        alone.join(", ")
    );
    anyhow::ensure!(
        !references.is_empty(),
        "no label map in {}",
        reference.display()
    );
    Ok(references
        .into_iter()
        .filter_map(|(id, reference)| {
            let prediction = predictions.get(&id)?.clone();
            Some(ComparedFiles {
                id,
                prediction,
                reference,
            })
        })
        .collect())
}

fn label_files(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut files = BTreeMap::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        let name = path.to_string_lossy().to_lowercase();
        let known = [".nii", ".nii.gz", ".nrrd"]
            .iter()
            .any(|ending| name.ends_with(ending));
        if known && !name.ends_with(".probability.nii.gz") {
            files.insert(super::stem(&path), path);
        }
    }
    Ok(files)
}
