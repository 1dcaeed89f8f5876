//! Tables.

use std::collections::BTreeMap;

use scarce_metrics::Summary;
use scarce_metrics::report::EvaluationReport;
use serde::Serialize;

/// A table of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Headings.
    pub columns: Vec<String>,
    /// Rows as wide as the headings.
    pub rows: Vec<Vec<String>>,
}

/// Means with intervals and counts, and what each figure means.
pub fn metrics_table(report: &EvaluationReport) -> Table {
    figures_table(&report.mean, &report.definition)
}

/// Figures with intervals and counts, and what each means.
pub fn figures_table(
    figures: &BTreeMap<String, Summary>,
    definition: &BTreeMap<String, String>,
) -> Table {
    let columns = [
        "figure",
        "mean",
        "95 % interval",
        "cases",
        "undefined",
        "penalised",
        "definition",
    ];
    let number = |value: Option<f64>| value.map(|v| format!("{v:.4}"));
    let rows = figures
        .iter()
        .map(|(name, summary)| {
            let interval = match (number(summary.low), number(summary.high)) {
                (Some(low), Some(high)) => format!("{low} to {high}"),
                _ => "needs two cases".to_owned(),
            };
            vec![
                name.clone(),
                number(summary.value).unwrap_or_else(|| "undefined".to_owned()),
                interval,
                summary.n.to_string(),
                summary.n_undefined.to_string(),
                summary.n_penalised.to_string(),
                definition.get(name).cloned().unwrap_or_default(),
            ]
        })
        .collect();
    Table {
        columns: columns.map(str::to_owned).to_vec(),
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_undefined_and_what_has_no_interval() {
        let summary = |value, interval: Option<(f64, f64)>, n| Summary {
            value,
            low: interval.map(|i| i.0),
            high: interval.map(|i| i.1),
            n,
            n_undefined: 3,
            n_penalised: 1,
        };
        let mean = BTreeMap::from([
            (
                "dice".to_owned(),
                summary(Some(0.91234), Some((0.9, 0.95)), 4),
            ),
            ("hd95".to_owned(), summary(None, None, 0)),
        ]);
        let definition = BTreeMap::from([("dice".to_owned(), "overlap".to_owned())]);
        let table = metrics_table(&EvaluationReport {
            cases: Vec::new(),
            mean,
            definition,
        });
        let expected = [
            [
                "dice",
                "0.9123",
                "0.9000 to 0.9500",
                "4",
                "3",
                "1",
                "overlap",
            ],
            ["hd95", "undefined", "needs two cases", "0", "3", "1", ""],
        ];
        assert_eq!(
            table.rows,
            expected.map(|row| row.map(str::to_owned).to_vec())
        );
        assert_eq!(table.columns.len(), expected[0].len());
    }
}
