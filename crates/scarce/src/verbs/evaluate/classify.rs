//! `--task classify`: tables of classes and scores.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use scarce_cli::arguments::EvaluateArguments;
use scarce_image::Seed;
use scarce_metrics::classification::{
    ClassificationRecord, ClassificationTable, ScoreKind, class_names_in, evaluate_classification,
};

use super::show;

/// Cases are named in this column.
const ID: &str = "id";
/// Classes stand in this one.
const CLASS: &str = "class";

pub fn run(arguments: &EvaluateArguments) -> anyhow::Result<()> {
    let (class_names, records) = records(&arguments.pred, &arguments.reference)?;
    let kind = if arguments.ranking {
        ScoreKind::Ranking
    } else {
        ScoreKind::Probabilities
    };
    let table = ClassificationTable::new(class_names, records, kind)
        .with_context(|| format!("cannot score {}", arguments.pred.display()))?;
    let mut report = evaluate_classification(&table, Seed(arguments.seed));
    show::keep(
        &mut report.figures,
        &mut report.definition,
        &arguments.metrics,
    )?;
    show::summaries(
        report
            .figures
            .iter()
            .map(|(name, figure)| (name, &figure.summary)),
    );
    for (name, figure) in &report.figures {
        for warning in &figure.warnings {
            tracing::warn!("{name}: {warning}");
        }
    }
    show::write(arguments, &report, &report.cases)
}

/// Class names in the order of the score columns, and the cases of both files.
fn records(
    predictions: &Path,
    references: &Path,
) -> anyhow::Result<(Vec<String>, Vec<ClassificationRecord>)> {
    let reference = Sheet::read(references)?;
    anyhow::ensure!(
        reference.classes.is_some(),
        "no column {CLASS:?}: {}",
        references.display()
    );
    let predicted = Sheet::read(predictions)?;
    let rows: BTreeMap<&str, usize> = by_id(&predicted.ids, predictions)?;
    let known = by_id(&reference.ids, references)?;
    for (id, (with, without)) in [
        (
            known.keys().find(|id| !rows.contains_key(*id)),
            (references, predictions),
        ),
        (
            rows.keys().find(|id| !known.contains_key(*id)),
            (predictions, references),
        ),
    ] {
        if let Some(id) = id {
            anyhow::bail!(
                "case {id:?} of {} is missing: {}",
                with.display(),
                without.display()
            );
        }
    }
    let classes = reference.classes.unwrap_or_default();
    let records: Vec<ClassificationRecord> = reference
        .ids
        .iter()
        .zip(classes)
        .filter_map(|(id, class)| {
            let row = *rows.get(id.as_str())?;
            Some(ClassificationRecord {
                id: id.clone(),
                reference: class,
                predicted: predicted
                    .classes
                    .as_ref()
                    .map(|classes| classes[row].clone()),
                scores: (!predicted.score_names.is_empty()).then(|| predicted.scores[row].clone()),
            })
        })
        .collect();
    let class_names = if predicted.score_names.len() > 1 {
        predicted.score_names
    } else {
        class_names_in(&records)
    };
    Ok((class_names, records))
}

fn by_id<'a>(ids: &'a [String], path: &Path) -> anyhow::Result<BTreeMap<&'a str, usize>> {
    let mut rows = BTreeMap::new();
    for (row, id) in ids.iter().enumerate() {
        anyhow::ensure!(
            rows.insert(id.as_str(), row).is_none(),
            "case {id:?} stands there twice: {}",
            path.display()
        );
    }
    Ok(rows)
}

/// A CSV with a column `id`, perhaps one `class`, and else one column of scores a class.
struct Sheet {
    ids: Vec<String>,
    classes: Option<Vec<String>>,
    score_names: Vec<String>,
    scores: Vec<Vec<f64>>,
}

impl Sheet {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let at = || format!("cannot read {}", path.display());
        let mut reader = csv::Reader::from_path(path).with_context(at)?;
        let header = reader.headers().with_context(at)?.clone();
        let column = |name: &str| header.iter().position(|cell| cell == name);
        let id = column(ID).with_context(|| format!("no column {ID:?}: {}", path.display()))?;
        let class = column(CLASS);
        let score_columns: Vec<usize> = (0..header.len())
            .filter(|at| *at != id && Some(*at) != class)
            .collect();
        let mut sheet = Self {
            ids: Vec::new(),
            classes: class.map(|_| Vec::new()),
            score_names: score_columns
                .iter()
                .map(|at| header[*at].to_owned())
                .collect(),
            scores: Vec::new(),
        };
        for (line, row) in reader.records().enumerate() {
            let row = row.with_context(at)?;
            sheet.ids.push(row[id].to_owned());
            if let (Some(classes), Some(class)) = (&mut sheet.classes, class) {
                classes.push(row[class].to_owned());
            }
            let scores = score_columns.iter().map(|at| {
                row[*at].trim().parse::<f64>().with_context(|| {
                    format!(
                        "row {}, column {:?} is {:?}, expected a number: {}",
                        line + 2,
                        &header[*at],
                        &row[*at],
                        path.display()
                    )
                })
            });
            sheet.scores.push(scores.collect::<anyhow::Result<_>>()?);
        }
        Ok(sheet)
    }
}
