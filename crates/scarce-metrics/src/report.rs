//! Many cases as one record, in the form scripts read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use scarce_image::Seed;
use serde::{Deserialize, Serialize};

use crate::definition::definition;
use crate::{Measured, SegmentationOptions, Summary, bca_interval};

/// What `scarce evaluate` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluationReport {
    /// Each case.
    pub cases: Vec<Case>,
    /// Each figure's mean over the cases.
    pub mean: BTreeMap<String, Summary>,
    /// What each figure means.
    pub definition: BTreeMap<String, String>,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// Its figures; none where undefined.
    pub metrics: BTreeMap<String, Option<f64>>,
}

impl EvaluationReport {
    /// Puts cases together: means, intervals, definitions.
    pub fn from_cases(
        cases: Vec<(String, BTreeMap<String, Measured>)>,
        options: &SegmentationOptions,
        seed: Seed,
    ) -> Self {
        let mut by_name: BTreeMap<&str, Vec<Measured>> = BTreeMap::new();
        for (name, measured) in cases.iter().flat_map(|(_, figures)| figures) {
            by_name.entry(name).or_default().push(*measured);
        }
        let mean = by_name
            .iter()
            .map(|(name, measured)| {
                let values: Vec<f64> = measured.iter().filter_map(|m| m.value).collect();
                let n = values.len();
                let interval = bca_interval(&values, seed, name);
                let summary = Summary {
                    value: (n > 0).then(|| values.iter().sum::<f64>() / n as f64),
                    low: interval.map(|(low, _)| low),
                    high: interval.map(|(_, high)| high),
                    n,
                    n_undefined: measured.len() - n,
                    n_penalised: measured.iter().filter(|m| m.penalised).count(),
                };
                ((*name).to_owned(), summary)
            })
            .collect();
        let definition = by_name
            .keys()
            .map(|name| ((*name).to_owned(), definition(name, options)))
            .collect();
        let cases = cases
            .into_iter()
            .map(|(id, figures)| Case {
                id,
                metrics: figures
                    .into_iter()
                    .map(|(name, m)| (name, m.value))
                    .collect(),
            })
            .collect();
        Self {
            cases,
            mean,
            definition,
        }
    }

    /// The cases as CSV, see [`cases_to_csv`].
    pub fn to_csv(&self) -> String {
        cases_to_csv(&self.cases)
    }
}

/// Cases as CSV, one line each, the figures in order of their names; undefined ones are empty.
pub fn cases_to_csv(cases: &[Case]) -> String {
    let names: BTreeSet<&String> = cases.iter().flat_map(|case| case.metrics.keys()).collect();
    let mut text = String::from("id");
    for name in &names {
        text.push(',');
        text.push_str(&quoted(name));
    }
    for case in cases {
        text.push('\n');
        text.push_str(&quoted(&case.id));
        for name in &names {
            text.push(',');
            if let Some(Some(value)) = case.metrics.get(*name) {
                // Writing to a string does not fail.
                let _ = write!(text, "{value}");
            }
        }
    }
    text.push('\n');
    text
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
