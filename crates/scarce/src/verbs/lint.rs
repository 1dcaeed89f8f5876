//! `lint`: a table of results, looked over for rows that no cases could have made.

use std::process::ExitCode;

use anyhow::Context as _;
use scarce_cli::arguments::LintArguments;
use scarce_cli::exit::NUMERIC;
use scarce_cli::json_output;
use scarce_metrics::linter::{Finding, ResultsTable, Severity, lint};
use serde::Serialize;

/// What `--json` holds.
#[derive(Serialize)]
struct Linted {
    findings: Vec<Finding>,
    n_rows: usize,
    n_impossible: usize,
    n_doubtful: usize,
}

/// Prints what was found; ends with [`NUMERIC`] if something is impossible.
pub fn run(arguments: &LintArguments) -> anyhow::Result<ExitCode> {
    let table =
        read(arguments).with_context(|| format!("cannot read {}", arguments.table.display()))?;
    let findings = lint(&table);
    for finding in &findings {
        match finding.severity {
            Severity::Impossible => tracing::error!("{finding}"),
            Severity::Doubtful => tracing::warn!("{finding}"),
        }
    }
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let (n_impossible, n_doubtful) = (count(Severity::Impossible), count(Severity::Doubtful));
    let n_rows = table.rows().len();
    tracing::info!("{n_rows} rows: {n_impossible} impossible findings, {n_doubtful} doubtful");
    if let Some(path) = &arguments.json {
        let told = Linted {
            findings,
            n_rows,
            n_impossible,
            n_doubtful,
        };
        json_output::write(path, &told)?;
    }
    Ok(if n_impossible > 0 {
        ExitCode::from(NUMERIC)
    } else {
        ExitCode::SUCCESS
    })
}

fn read(arguments: &LintArguments) -> anyhow::Result<ResultsTable> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_path(&arguments.table)?;
    let mut lines = reader
        .records()
        .map(|row| Ok(row?.iter().map(str::to_owned).collect()))
        .collect::<Result<Vec<Vec<String>>, csv::Error>>()?;
    anyhow::ensure!(!lines.is_empty(), "the table is empty");
    let headings = lines.remove(0);
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let table = ResultsTable::from_cells(&headings, &lines)?;
    let mut rows = table.rows().to_vec();
    for row in &mut rows {
        row.n_cases = row.n_cases.or(arguments.n);
    }
    Ok(ResultsTable::new(table.columns().to_vec(), rows)?)
}
