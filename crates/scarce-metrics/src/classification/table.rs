//! Cases with their classes and scores.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::ClassificationError;
use super::probabilities::{argmax, check_row};

/// One case as a file of predictions holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassificationRecord {
    /// The case's name.
    pub id: String,
    /// The name of its true class.
    pub reference: String,
    /// The name of the predicted class. If no case has one, it is that of the highest score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<String>,
    /// A score for each class, in the order of the class names; of two classes, the second one's
    /// score alone will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Vec<f64>>,
}

/// What scores are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreKind {
    /// Probabilities: from 0 to 1, of all classes together 1.
    #[default]
    Probabilities,
    /// Anything that ranks cases, such as logits: no Brier score and no calibration error.
    Ranking,
}

/// Cases sorted by name, checked: classes are known, scores are finite, probabilities are some.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassificationTable {
    class_names: Vec<String>,
    case_ids: Vec<String>,
    reference: Vec<usize>,
    predicted: Option<Vec<usize>>,
    scores: Option<Array2<f64>>,
    score_kind: ScoreKind,
}

/// The class names that occur in records, sorted: what scikit-learn takes the classes to be. A class
/// that no record names is missing from them, so prefer the classifier's own list.
pub fn class_names_in(records: &[ClassificationRecord]) -> Vec<String> {
    let names: BTreeSet<&String> = records
        .iter()
        .flat_map(|record| std::iter::once(&record.reference).chain(&record.predicted))
        .collect();
    names.into_iter().cloned().collect()
}

impl ClassificationTable {
    /// Checks records against the class names, whose order is that of the scores; of two classes the
    /// second is the positive one. The order of the records does not matter.
    ///
    /// # Errors
    /// [`ClassificationError`] for no case, fewer than two classes, names that repeat, unknown
    /// classes, columns that only some cases have, neither classes nor scores, another number of
    /// scores than classes, scores that are not finite, and probabilities that are none.
    pub fn new(
        class_names: Vec<String>,
        mut records: Vec<ClassificationRecord>,
        score_kind: ScoreKind,
    ) -> Result<Self, ClassificationError> {
        let index = index_of(&class_names)?;
        records.sort_by(|a, b| a.id.cmp(&b.id));
        check_ids(&records)?;
        let class = |id: &str, column: &'static str, name: &str| {
            let unknown = || ClassificationError::UnknownClass {
                id: id.to_owned(),
                column,
                name: name.to_owned(),
                known: class_names.join(", "),
            };
            index.get(name).copied().ok_or_else(unknown)
        };
        let reference = records
            .iter()
            .map(|record| class(&record.id, "reference", &record.reference))
            .collect::<Result<Vec<usize>, _>>()?;
        let predicted = column(&records, "predicted", |record| record.predicted.as_ref())?
            .map(|names| {
                let pairs = records.iter().zip(names);
                pairs
                    .map(|(record, name)| class(&record.id, "predicted", name))
                    .collect::<Result<Vec<usize>, _>>()
            })
            .transpose()?;
        let scores = column(&records, "scores", |record| record.scores.as_ref())?
            .map(|rows| matrix(&records, &rows, class_names.len(), score_kind))
            .transpose()?;
        if let (None, None, Some(first)) = (&predicted, &scores, records.first()) {
            let id = first.id.clone();
            return Err(ClassificationError::NothingToScore { id });
        }
        let surest = |scores: &Array2<f64>| -> Option<Vec<usize>> {
            let rows = scores.rows().into_iter().map(argmax);
            (scores.ncols() > 1).then(|| rows.collect())
        };
        Ok(Self {
            predicted: predicted.or_else(|| scores.as_ref().and_then(surest)),
            class_names,
            case_ids: records.into_iter().map(|record| record.id).collect(),
            reference,
            scores,
            score_kind,
        })
    }

    /// The classes, in the order of the scores.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The cases, sorted.
    pub fn case_ids(&self) -> &[String] {
        &self.case_ids
    }

    /// Each case's true class.
    pub fn reference(&self) -> &[usize] {
        &self.reference
    }

    /// Each case's predicted class: given, or that of the highest score. None if a single score ranks
    /// the cases and nothing says from where on it means the positive class.
    pub fn predicted(&self) -> Option<&[usize]> {
        self.predicted.as_deref()
    }

    /// Case × class; one column if there is a single score that is no probability.
    pub fn scores(&self) -> Option<&Array2<f64>> {
        self.scores.as_ref()
    }

    /// What the scores are.
    pub fn score_kind(&self) -> ScoreKind {
        self.score_kind
    }
}

fn index_of(class_names: &[String]) -> Result<BTreeMap<&str, usize>, ClassificationError> {
    let mut index = BTreeMap::new();
    for (class, name) in class_names.iter().enumerate() {
        if index.insert(name.as_str(), class).is_some() {
            let name = name.clone();
            return Err(ClassificationError::RepeatedClass { name });
        }
    }
    if index.len() < 2 {
        return Err(ClassificationError::TooFewClasses { n: index.len() });
    }
    Ok(index)
}

/// Of records sorted by name.
fn check_ids(records: &[ClassificationRecord]) -> Result<(), ClassificationError> {
    if records.is_empty() {
        return Err(ClassificationError::NoCases);
    }
    match records.windows(2).find(|pair| pair[0].id == pair[1].id) {
        Some(pair) => Err(ClassificationError::RepeatedCase {
            id: pair[0].id.clone(),
        }),
        None => Ok(()),
    }
}

/// What all records have, none if none has it.
fn column<'a, T>(
    records: &'a [ClassificationRecord],
    name: &'static str,
    of: impl Fn(&'a ClassificationRecord) -> Option<T>,
) -> Result<Option<Vec<T>>, ClassificationError> {
    let with = records.iter().find(|record| of(record).is_some());
    let without = records.iter().find(|record| of(record).is_none());
    match (with, without) {
        (Some(with), Some(without)) => Err(ClassificationError::PartlyMissing {
            column: name,
            without: without.id.clone(),
            with: with.id.clone(),
        }),
        (Some(_), None) => Ok(Some(records.iter().filter_map(of).collect())),
        (None, _) => Ok(None),
    }
}

fn matrix(
    records: &[ClassificationRecord],
    rows: &[&Vec<f64>],
    n_classes: usize,
    kind: ScoreKind,
) -> Result<Array2<f64>, ClassificationError> {
    let single = n_classes == 2 && rows.iter().all(|row| row.len() == 1);
    let expected = if single { 1 } else { n_classes };
    for (record, row) in records.iter().zip(rows) {
        if row.len() != expected {
            return Err(ClassificationError::ScoreCount {
                id: record.id.clone(),
                expected,
                got: row.len(),
            });
        }
        let name = || format!("{:?}", record.id);
        if let Some(column) = row.iter().position(|score| !score.is_finite()) {
            return Err(ClassificationError::NotFinite {
                case: name(),
                column,
                value: row[column],
            });
        }
        if kind == ScoreKind::Probabilities && !single {
            check_row(row, &name)?;
        }
        if kind == ScoreKind::Probabilities && single {
            check_row(&[1.0 - row[0], row[0]], &name)?;
        }
    }
    let expand = single && kind == ScoreKind::Probabilities;
    let columns = if expand { 2 } else { expected };
    Ok(Array2::from_shape_fn(
        (rows.len(), columns),
        |(case, class)| match (expand, class) {
            (true, 0) => 1.0 - rows[case][0],
            (true, _) => rows[case][0],
            (false, class) => rows[case][class],
        },
    ))
}
