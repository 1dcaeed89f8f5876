//! `--task segment`: label maps against label maps.

use std::collections::{BTreeMap, BTreeSet};

use scarce_cli::arguments::EvaluateArguments;
use scarce_cli::exit::UsageError;
use scarce_image::{LabelMap, Seed};
use scarce_metrics::report::EvaluationReport;
use scarce_metrics::{
    Measured, Metric, MetricsError, SegmentationOptions, UnknownWord, evaluate_labels,
};
use serde::{Deserialize, Serialize};

use super::pairing::{ComparedFiles, pair};
use super::show;

/// What `--json` holds: the report, and what was compared.
#[derive(Debug, Serialize, Deserialize)]
pub struct EvaluationFile {
    /// Cases, means, definitions.
    #[serde(flatten)]
    pub report: EvaluationReport,
    /// Prediction and reference of each case; a fine-tuning's own report lists none.
    #[serde(default)]
    pub inputs: Vec<ComparedFiles>,
}

pub fn run(arguments: &EvaluateArguments) -> anyhow::Result<()> {
    let options = options(arguments).map_err(|error| UsageError(error.to_string()))?;
    let metrics = metrics(arguments, &options).map_err(|error| UsageError(error.to_string()))?;
    let inputs = pair(&arguments.pred, &arguments.reference)?;
    let scored = score_all(&inputs, &options, &metrics)?;
    let cases = inputs
        .iter()
        .zip(scored)
        .map(|(files, figures)| (files.id.clone(), figures))
        .collect();
    let report = EvaluationReport::from_cases(cases, &options, Seed(arguments.seed));
    show::summaries(&report.mean);
    let file = EvaluationFile { report, inputs };
    show::write(arguments, &file, &file.report.cases)
}

fn options(arguments: &EvaluateArguments) -> Result<SegmentationOptions, UnknownWord> {
    Ok(SegmentationOptions::default()
        .with_convention(arguments.convention.parse()?)
        .with_unit(arguments.unit.parse()?)
        .with_empty(arguments.empty.parse()?)
        .with_tolerances(arguments.tolerance.clone()))
}

/// The figures that were asked for, or all.
fn metrics(
    arguments: &EvaluateArguments,
    options: &SegmentationOptions,
) -> Result<Vec<Metric>, UnknownWord> {
    if arguments.metrics.is_empty() {
        return Ok(Metric::all(options));
    }
    let named = arguments
        .metrics
        .iter()
        .map(|name| Metric::named(name, options));
    Ok(named.collect::<Result<Vec<_>, _>>()?.concat())
}

/// Figures of each case: of the foreground (`dice`), or of each label (`label-2.dice`) where the
/// cases hold several. A case that lacks a label which others have is scored for it all the same.
fn score_all(
    inputs: &[ComparedFiles],
    options: &SegmentationOptions,
    metrics: &[Metric],
) -> anyhow::Result<Vec<BTreeMap<String, Measured>>> {
    let mut labels = BTreeSet::new();
    let mut scored: Vec<BTreeMap<u16, BTreeMap<String, Measured>>> = Vec::new();
    for files in inputs {
        let maps = Maps::read(files)?;
        let held = maps.labels();
        scored.push(maps.score(&held, options, metrics)?);
        labels.extend(held);
    }
    if labels.is_empty() {
        // Nothing anywhere: what the cases agree on is that there is no foreground.
        labels.insert(1);
    }
    for (files, figures) in inputs.iter().zip(&mut scored) {
        let missing: Vec<u16> = labels
            .iter()
            .copied()
            .filter(|label| !figures.contains_key(label))
            .collect();
        if !missing.is_empty() {
            figures.extend(Maps::read(files)?.score(&missing, options, metrics)?);
        }
    }
    let name = |label: u16, metric: String| match labels.len() {
        1 => metric,
        _ => format!("label-{label}.{metric}"),
    };
    let flat = |figures: BTreeMap<u16, BTreeMap<String, Measured>>| {
        let of_labels = figures.into_iter().flat_map(|(label, figures)| {
            figures
                .into_iter()
                .map(move |(metric, measured)| (label, metric, measured))
        });
        of_labels
            .map(|(label, metric, measured)| (name(label, metric), measured))
            .collect()
    };
    Ok(scored.into_iter().map(flat).collect())
}

/// The label maps of one case.
struct Maps<'a> {
    case: &'a str,
    prediction: LabelMap,
    reference: LabelMap,
}

impl<'a> Maps<'a> {
    fn read(files: &'a ComparedFiles) -> anyhow::Result<Self> {
        Ok(Self {
            case: &files.id,
            prediction: scarce_io::read_label_map(&files.prediction)?,
            reference: scarce_io::read_label_map(&files.reference)?,
        })
    }

    /// Those that either map holds, the background left out.
    fn labels(&self) -> Vec<u16> {
        let mut held = vec![false; usize::from(u16::MAX) + 1];
        for label in self
            .prediction
            .voxels()
            .iter()
            .chain(self.reference.voxels())
        {
            held[usize::from(*label)] = true;
        }
        (1..=u16::MAX)
            .filter(|label| held[usize::from(*label)])
            .collect()
    }

    fn score(
        &self,
        labels: &[u16],
        options: &SegmentationOptions,
        metrics: &[Metric],
    ) -> anyhow::Result<BTreeMap<u16, BTreeMap<String, Measured>>> {
        let scored = evaluate_labels(&self.prediction, &self.reference, labels, options, metrics);
        scored.map_err(|error| match error {
            MetricsError::Length { .. } => UsageError(error.to_string()).into(),
            MetricsError::Grid { .. } => {
                anyhow::Error::new(error).context(format!("case {}", self.case))
            }
        })
    }
}
