//! `compare`: runs over the same cases, with intervals and tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scarce_cli::arguments::CompareArguments;
use scarce_cli::json_output;
use scarce_image::Seed;
use scarce_metrics::report::Case;
use scarce_metrics::statistics::{Comparison, PairedDifference, RunFigures, compare};
use serde::Deserialize;

/// The part of an evaluation that is compared.
#[derive(Deserialize)]
struct Evaluation {
    cases: Vec<Case>,
}

/// Compares each later run with each earlier one, and prints a line a figure.
pub fn run(arguments: &CompareArguments) -> anyhow::Result<()> {
    let runs = arguments
        .runs
        .iter()
        .map(|path| figures(path, &arguments.metrics))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let comparison = compare(&runs, Seed(arguments.seed))?;
    for difference in &comparison.differences {
        tracing::info!("{}", line(difference));
        for warning in &difference.warnings {
            tracing::warn!("{}: {warning}", difference.metric);
        }
    }
    if let Some(path) = &arguments.csv {
        let text = to_csv(&comparison)?;
        scarce_io::write_atomic(path, |file| file.write_all(&text))?;
    }
    if let Some(path) = &arguments.json {
        json_output::write(path, &comparison)?;
    }
    Ok(())
}

/// The cases of an evaluation file, or of the only one in a run folder.
fn figures(run: &Path, wanted: &[String]) -> anyhow::Result<RunFigures> {
    let path = if run.is_dir() {
        evaluation_in(run)?
    } else {
        run.to_owned()
    };
    let at = || format!("cannot read {}", path.display());
    let text = fs::read_to_string(&path).with_context(at)?;
    let evaluation: Evaluation = serde_json::from_str(&text).with_context(at)?;
    anyhow::ensure!(
        !evaluation.cases.is_empty(),
        "no figures of single cases to compare: {}",
        path.display()
    );
    let mut cases = BTreeMap::new();
    for mut case in evaluation.cases {
        case.metrics
            .retain(|name, _| wanted.is_empty() || wanted.contains(name));
        anyhow::ensure!(
            cases.insert(case.id.clone(), case.metrics).is_none(),
            "case {:?} stands there twice: {}",
            case.id,
            path.display()
        );
    }
    Ok(RunFigures {
        name: run.display().to_string(),
        cases,
    })
}

fn evaluation_in(run: &Path) -> anyhow::Result<PathBuf> {
    let mut files = Vec::new();
    super::report::walk(run, &mut files)?;
    files.retain(|path| path.ends_with("evaluation.json"));
    match &files[..] {
        [path] => Ok(path.clone()),
        [] => anyhow::bail!("no evaluation.json below {}", run.display()),
        [first, second, ..] => anyhow::bail!(
            "several evaluations, such as {} and {}: name the files to compare",
            first.display(),
            second.display()
        ),
    }
}

fn line(difference: &PairedDifference) -> String {
    let number =
        |value: Option<f64>| value.map_or_else(|| "undefined".to_owned(), |v| format!("{v:.4}"));
    format!(
        "{}: {} [{}, {}], Wilcoxon p {} (Holm {}), n {}, undefined {}: {} less {}",
        difference.metric,
        number(difference.mean_difference),
        number(difference.low),
        number(difference.high),
        number(difference.wilcoxon_p),
        number(difference.wilcoxon_p_holm),
        difference.n,
        difference.n_undefined,
        difference.run_b,
        difference.run_a,
    )
}

fn to_csv(comparison: &Comparison) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "metric",
        "run_a",
        "run_b",
        "mean_a",
        "mean_b",
        "mean_difference",
        "low",
        "high",
        "bootstrap_p",
        "bootstrap_p_holm",
        "wilcoxon_p",
        "wilcoxon_p_holm",
        "n",
        "n_undefined",
    ])?;
    for d in &comparison.differences {
        let numbers = [
            d.mean_a,
            d.mean_b,
            d.mean_difference,
            d.low,
            d.high,
            d.bootstrap_p,
            d.bootstrap_p_holm,
            d.wilcoxon_p,
            d.wilcoxon_p_holm,
        ];
        let words = [d.metric.clone(), d.run_a.clone(), d.run_b.clone()].into_iter();
        let numbers = numbers
            .into_iter()
            .map(|v| v.map_or_else(String::new, |v| v.to_string()));
        let counts = [d.n, d.n_undefined].into_iter().map(|n| n.to_string());
        writer.write_record(words.chain(numbers).chain(counts))?;
    }
    Ok(writer.into_inner()?)
}
