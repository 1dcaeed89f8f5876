//! `compare`: runs over the same cases, with intervals and tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scarce_cli::arguments::CompareArguments;
use scarce_cli::json_output;
use scarce_image::Seed;
use scarce_metrics::report::Case;
use scarce_metrics::statistics::{ArmFigures, Comparison, PairedDifference, compare_arms};
use serde::Deserialize;

/// The part of an evaluation that is compared.
#[derive(Deserialize)]
struct Evaluation {
    cases: Vec<Case>,
}

/// The part of a run's manifest that tells its seed.
#[derive(Deserialize)]
struct Manifest {
    seed: u64,
}

/// Compares each later arm with each earlier one, and prints a line a figure.
pub fn run(arguments: &CompareArguments) -> anyhow::Result<()> {
    let arms = arguments
        .runs
        .iter()
        .map(|text| arm(text, &arguments.metrics))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let comparison = compare_arms(&arms, Seed(arguments.seed))?;
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

/// `NAME=RUN,RUN,…`, its runs told apart by their seeds, or one run.
fn arm(text: &str, wanted: &[String]) -> anyhow::Result<ArmFigures> {
    // A path may hold a `=`, too.
    let (name, runs) = match text.split_once('=') {
        Some((name, runs)) if !Path::new(text).exists() => (name, runs),
        _ => (text, text),
    };
    let mut evaluations = Vec::new();
    if Path::new(runs).exists() {
        evaluations_in(Path::new(runs), name != text, &mut evaluations)?;
    } else {
        for run in runs.split(',') {
            evaluations_in(Path::new(run), false, &mut evaluations)?;
        }
    }
    let mut seeds = BTreeMap::new();
    let several = evaluations.len() > 1;
    for path in evaluations {
        // Where there is nothing to tell apart, a run pairs with any other.
        let seed = if several {
            seed_of(&path)?
        } else {
            "-".to_owned()
        };
        let cases = cases_of(&path, wanted)?;
        anyhow::ensure!(
            seeds.insert(seed.clone(), cases).is_none(),
            "two runs of {name} have seed {seed}, such as {}",
            path.display()
        );
    }
    Ok(ArmFigures {
        name: name.to_owned(),
        seeds,
    })
}

/// An evaluation file, the only one in a run folder, or all of those in a folder of runs.
fn evaluations_in(run: &Path, several: bool, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !run.is_dir() {
        found.push(run.to_owned());
        return Ok(());
    }
    let mut files = Vec::new();
    super::report::walk(run, &mut files)?;
    files.retain(|path| path.ends_with("evaluation.json"));
    match &files[..] {
        [] => anyhow::bail!("no evaluation.json below {}", run.display()),
        [first, second, ..] if !several => anyhow::bail!(
            "several evaluations, such as {} and {}: name the files to compare, or call them an arm, \
             NAME={}, if they are one training's seeds",
            first.display(),
            second.display(),
            run.display()
        ),
        _ => found.append(&mut files),
    }
    Ok(())
}

/// The seed in the manifest of the run that an evaluation lies in.
fn seed_of(evaluation: &Path) -> anyhow::Result<String> {
    let manifest = evaluation
        .ancestors()
        .skip(1)
        .map(|folder| folder.join("manifest.json"))
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "no manifest.json in a folder above, which would tell the seed: {}",
                evaluation.display()
            )
        })?;
    let at = || format!("cannot read {}", manifest.display());
    let text = fs::read_to_string(&manifest).with_context(at)?;
    let manifest: Manifest = serde_json::from_str(&text).with_context(at)?;
    Ok(manifest.seed.to_string())
}

/// The cases of an evaluation file.
fn cases_of(
    path: &Path,
    wanted: &[String],
) -> anyhow::Result<BTreeMap<String, BTreeMap<String, Option<f64>>>> {
    let at = || format!("cannot read {}", path.display());
    let text = fs::read_to_string(path).with_context(at)?;
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
    Ok(cases)
}

fn line(difference: &PairedDifference) -> String {
    let number =
        |value: Option<f64>| value.map_or_else(|| "undefined".to_owned(), |v| format!("{v:.4}"));
    let over_seeds = difference
        .over_seeds
        .as_ref()
        .map_or_else(String::new, |seeds| {
            format!(
                ", {} seeds [{}, {}]",
                seeds.mean_difference.len(),
                number(seeds.low),
                number(seeds.high)
            )
        });
    format!(
        "{}: {} [{}, {}], Wilcoxon p {} (Holm {}), n {}, undefined {}{over_seeds}: {} less {}",
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
        "seeds",
        "seeds_low",
        "seeds_high",
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
        let text = |v: Option<f64>| v.map_or_else(String::new, |v| v.to_string());
        let numbers = numbers.into_iter().map(text);
        let counts = [d.n, d.n_undefined].into_iter().map(|n| n.to_string());
        let seeds = d.over_seeds.as_ref();
        let over_seeds = [
            seeds.map_or(1, |s| s.mean_difference.len()).to_string(),
            text(seeds.and_then(|s| s.low)),
            text(seeds.and_then(|s| s.high)),
        ];
        writer.write_record(words.chain(numbers).chain(counts).chain(over_seeds))?;
    }
    Ok(writer.into_inner()?)
}
