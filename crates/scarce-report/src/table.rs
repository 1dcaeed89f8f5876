//! Tables.

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
    let rows = report
        .mean
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
                report.definition.get(name).cloned().unwrap_or_default(),
            ]
        })
        .collect();
    Table {
        columns: columns.map(str::to_owned).to_vec(),
        rows,
    }
}
