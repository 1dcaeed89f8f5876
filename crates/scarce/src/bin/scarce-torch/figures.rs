//! Figures of cases under the names that `evaluate` gives them, and how a log tells one.

use std::collections::BTreeMap;

use scarce_metrics::{Measured, Summary};

/// A case's figures by label as one list: `dice` where there is one label, `label-2.dice` where there are several.
pub fn by_name(
    scored: BTreeMap<u16, BTreeMap<String, Measured>>,
    is_single: bool,
) -> BTreeMap<String, Measured> {
    let figures = scored.into_iter().flat_map(|(label, figures)| {
        figures.into_iter().map(move |(metric, measured)| {
            let name = if is_single {
                metric
            } else {
                format!("label-{label}.{metric}")
            };
            (name, measured)
        })
    });
    figures.collect()
}

/// A figure with its interval.
pub fn interval(summary: &Summary) -> String {
    let number = |v: Option<f64>| v.map_or_else(|| "undefined".to_owned(), |v| format!("{v:.4}"));
    let [value, low, high] = [summary.value, summary.low, summary.high].map(number);
    format!("{value} [{low}, {high}]")
}
