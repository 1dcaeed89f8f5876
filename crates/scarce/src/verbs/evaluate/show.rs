//! Figures for the eye, and for the files that were asked for.

use std::collections::BTreeMap;

use scarce_cli::arguments::EvaluateArguments;
use scarce_cli::exit::UsageError;
use scarce_cli::json_output;
use scarce_metrics::Summary;
use scarce_metrics::report::{Case, cases_to_csv};
use serde::Serialize;

/// Leaves only the `wanted` figures, all if none is named. A figure of one class or label may be
/// named without it: `sensitivity` for `effusion.sensitivity`.
pub fn keep<T>(
    figures: &mut BTreeMap<String, T>,
    definition: &mut BTreeMap<String, String>,
    wanted: &[String],
) -> anyhow::Result<()> {
    let is = |name: &str, wanted: &str| {
        name == wanted
            || name
                .rsplit_once('.')
                .is_some_and(|(_, figure)| figure == wanted)
    };
    if let Some(unknown) = wanted
        .iter()
        .find(|w| !figures.keys().any(|name| is(name, w)))
    {
        let known: Vec<&str> = figures.keys().map(String::as_str).collect();
        let message = format!(
            "no metric {unknown:?} here: expected some of {}",
            known.join(", ")
        );
        return Err(UsageError(message).into());
    }
    if !wanted.is_empty() {
        figures.retain(|name, _| wanted.iter().any(|w| is(name, w)));
        definition.retain(|name, _| figures.contains_key(name));
    }
    Ok(())
}

/// Prints one line a figure.
pub fn summaries<'a>(figures: impl IntoIterator<Item = (&'a String, &'a Summary)>) {
    for (name, summary) in figures {
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
}

/// Writes what `--json` and `--csv` ask for.
pub fn write<T: Serialize>(
    arguments: &EvaluateArguments,
    report: &T,
    cases: &[Case],
) -> anyhow::Result<()> {
    if let Some(path) = &arguments.csv {
        let text = cases_to_csv(cases);
        scarce_io::write_atomic(path, |file| file.write_all(text.as_bytes()))?;
    }
    if let Some(path) = &arguments.json {
        json_output::write(path, report)?;
    }
    Ok(())
}
