//! After the training: what the network makes of the validation volumes, and what no network has to look at an image for.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use ndarray::Array3;
use scarce_corn::{LabelledVolume, mean_mask};
use scarce_image::{LabelMap, Seed};
use scarce_metrics::report::EvaluationReport;
use scarce_metrics::{
    Convention, EmptyPolicy, Measured, Metric, SegmentationOptions, Summary, Unit, evaluate_labels,
};
use scarce_train::RunFolder;
use serde::{Deserialize, Serialize};
use tch::Device;

use super::inputs::{CaseFiles, SemiFile};
use super::segmenter::{Segmenter, onto};
use crate::figures::{by_name, interval};
use crate::finetune::report::chosen;

/// Where a run lists which case was for what.
pub const SPLIT_FILE: &str = "split.json";
/// Where a run reports on its validation volumes.
const FOLDER: &str = "validation";
/// Figures in voxels, as the papers have them.
const IN_VOXELS: [&str; 4] = ["dice", "jaccard", "hd95", "asd"];
/// Those that are told in millimetres, too, as `hd95_mm` and `asd_mm`.
const IN_MM: [&str; 2] = ["hd95", "asd"];

/// What is told of the validation volumes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportConfig {
    /// What an empty mask scores: `undefined`, `worst-case` or `legacy-zero`.
    pub empty: EmptyPolicy,
    /// How surface distances make a figure: `pooled` (medpy, the papers'), `max-directed` or `area`.
    pub convention: Convention,
}

/// Label maps that were trained on, for the floor.
pub fn masks_of(labelled: &[LabelledVolume]) -> Vec<Array3<u8>> {
    labelled.iter().map(|volume| volume.label.clone()).collect()
}

/// Writes `validation/predictions/`, `references/`, `evaluation.json`, `mean-mask.json` (the floor, on the same cases) and
/// `table.csv`.
pub fn report_on(
    run: &RunFolder,
    config: &SemiFile,
    cases: &[CaseFiles],
    masks: &[Array3<u8>],
    device: Device,
) -> anyhow::Result<()> {
    let checkpoint = chosen(run.path(), &config.training)?;
    let segmenter = Segmenter::load(config, &checkpoint, None, device)?;
    let folder = run.path().join(FOLDER);
    let folders = ["predictions", "references"].map(|name| folder.join(name));
    for folder in &folders {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let masks: Vec<_> = masks.iter().map(|mask| mask.view()).collect();
    let classes = config.method.network.classes as usize;
    let labels: Vec<u16> = (1..classes as u16).collect();
    let (mut of_network, mut of_floor) = (Scores::new(config)?, Scores::new(config)?);
    for case in cases {
        let (native, truth) = case.read()?;
        let truth = truth.with_context(|| format!("case {} has no label", case.id))?;
        let (grid, part) = (native.grid(), segmenter.part(&native.grid(), Some(&truth))?);
        let prepared = segmenter.prepare(&native, part)?;
        let truth = truth.map(|value| u16::from(config.data.class(*value)));
        let found = segmenter.segment(&prepared, &grid)?.labels;
        let file = format!("{}.nii.gz", case.id);
        scarce_io::write_label_map(&folders[0].join(&file), &found)?;
        scarce_io::write_label_map(&folders[1].join(&file), &truth)?;
        of_network.add(&case.id, &found, &truth, &labels)?;
        let floor = mean_mask(&masks, classes, prepared.shape_zyx())?;
        let floor = onto(&grid, &floor, prepared.geometry()).labels;
        of_floor.add(&case.id, &floor, &truth, &labels)?;
    }
    let seed = Seed(config.seed);
    let (of_network, of_floor) = (of_network.report(seed), of_floor.report(seed));
    scarce_cli::json_output::write(&folder.join("evaluation.json"), &of_network)?;
    scarce_cli::json_output::write(&folder.join("mean-mask.json"), &of_floor)?;
    let network = config.method.branches.predicts();
    let rows = [(network, &of_network), ("mean mask", &of_floor)];
    write_table(&folder.join("table.csv"), &rows)?;
    for (name, report) in rows {
        for (figure, summary) in &report.mean {
            tracing::info!("{name}, {figure}: {}", line(summary));
        }
    }
    tracing::info!("after {} steps", checkpoint.state.step);
    Ok(())
}

fn line(summary: &Summary) -> String {
    format!(
        "{} (n {}, undefined {}, penalised {})",
        interval(summary),
        summary.n,
        summary.n_undefined,
        summary.n_penalised
    )
}

/// Figures of cases in one unit.
struct InUnit {
    options: SegmentationOptions,
    metrics: Vec<Metric>,
    cases: Vec<(String, BTreeMap<String, Measured>)>,
}

impl InUnit {
    fn new(config: &ReportConfig, unit: Unit, names: &[&str]) -> anyhow::Result<Self> {
        let options = SegmentationOptions::default()
            .with_empty(config.empty)
            .with_convention(config.convention)
            .with_unit(unit);
        let metrics = names.iter().map(|name| Metric::named(name, &options));
        let metrics = metrics.collect::<Result<Vec<_>, _>>()?.concat();
        Ok(Self {
            options,
            metrics,
            cases: Vec::new(),
        })
    }
}

/// Figures of cases, in voxels and in millimetres.
struct Scores([InUnit; 2]);

impl Scores {
    fn new(config: &SemiFile) -> anyhow::Result<Self> {
        Ok(Self([
            InUnit::new(&config.report, Unit::Voxel, &IN_VOXELS)?,
            InUnit::new(&config.report, Unit::Mm, &IN_MM)?,
        ]))
    }

    fn add(
        &mut self,
        id: &str,
        found: &LabelMap,
        truth: &LabelMap,
        labels: &[u16],
    ) -> anyhow::Result<()> {
        for InUnit {
            options,
            metrics,
            cases,
        } in &mut self.0
        {
            let scored = evaluate_labels(found, truth, labels, options, metrics)
                .with_context(|| format!("case {id}"))?;
            cases.push((id.to_owned(), by_name(scored, labels.len() == 1)));
        }
        Ok(())
    }

    /// One report of both; names of figures in millimetres end in `_mm`.
    fn report(self, seed: Seed) -> EvaluationReport {
        let [mut report, in_mm] = self
            .0
            .map(|unit| EvaluationReport::from_cases(unit.cases, &unit.options, seed));
        let named = |name: String| format!("{name}_mm");
        for (case, others) in report.cases.iter_mut().zip(in_mm.cases) {
            let others = others.metrics.into_iter();
            case.metrics
                .extend(others.map(|(name, v)| (named(name), v)));
        }
        let means = in_mm.mean.into_iter();
        report.mean.extend(means.map(|(name, v)| (named(name), v)));
        let definitions = in_mm.definition.into_iter();
        report
            .definition
            .extend(definitions.map(|(name, v)| (named(name), v)));
        report
    }
}

/// Means in voxels as a table that `scarce lint` reads; it takes no figure in two units.
fn write_table(path: &Path, rows: &[(&str, &EvaluationReport); 2]) -> anyhow::Result<()> {
    let names = rows[0].1.mean.keys();
    // As the papers order them.
    let mut columns: Vec<(usize, &String)> = names
        .filter_map(|name| {
            let figure = name.rsplit('.').next()?;
            let at = IN_VOXELS.iter().position(|known| *known == figure)?;
            Some((at, name))
        })
        .collect();
    columns.sort();
    let headings = columns.iter().map(|(_, name)| heading(name));
    let headings: Vec<String> = ["method".to_owned(), "n".to_owned()]
        .into_iter()
        .chain(headings)
        .collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&headings)?;
    for (method, report) in rows {
        let means = columns.iter().map(|(_, name)| {
            let mean = report.mean.get(*name).and_then(|summary| summary.value);
            mean.map_or_else(String::new, |v| format!("{v:.4}"))
        });
        let start = [(*method).to_owned(), report.cases.len().to_string()];
        writer.write_record(start.into_iter().chain(means))?;
    }
    let text = writer.into_inner()?;
    Ok(scarce_io::write_atomic(path, |file| file.write_all(&text))?)
}

/// A figure's name with its unit, as tables head it.
fn heading(name: &str) -> String {
    let is_distance = IN_MM.iter().any(|figure| name.ends_with(figure));
    let unit = if is_distance { " (voxel)" } else { "" };
    format!("{}{unit}", name.replace('.', " "))
}

#[cfg(test)]
mod tests {
    use scarce_metrics::linter::ResultsTable;

    use super::*;

    #[test]
    fn headings_are_read_by_the_linter() {
        let names = [
            "label-1.dice",
            "label-2.dice",
            "label-1.hd95",
            "label-2.asd",
        ];
        let headings: Vec<String> = names.iter().map(|name| heading(name)).collect();
        assert_eq!(headings[2], "label-1 hd95 (voxel)");
        let mut row = vec!["method"];
        row.extend(headings.iter().map(String::as_str));
        let table = ResultsTable::from_cells(&row, &[["a", "0.9", "0.8", "3", "1"]]).unwrap();
        assert_eq!(table.columns().len(), 4);
    }
}
