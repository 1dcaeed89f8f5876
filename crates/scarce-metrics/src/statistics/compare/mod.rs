//! Runs over the same cases, side by side.

mod arms;
mod checks;
mod error;

use std::collections::BTreeMap;

use scarce_image::Seed;
use serde::{Deserialize, Serialize};

use super::{
    CaseWarning, NullDistribution, PAIRED_RESAMPLES, RESAMPLES, bca_interval, holm,
    paired_bootstrap_p, wilcoxon_signed_rank,
};
pub use arms::{ArmFigures, SeedDifferences, compare_arms};
pub use error::CompareError;

/// The figures of one run, case by case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    /// What the run is called.
    pub name: String,
    /// Case, then metric; none where the figure is undefined.
    pub cases: BTreeMap<String, BTreeMap<String, Option<f64>>>,
}

/// What `scarce compare` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The runs, in the order they were given.
    pub runs: Vec<String>,
    /// Cases of each run.
    pub n_cases: usize,
    /// One entry for each metric and pair of runs.
    pub differences: Vec<PairedDifference>,
    /// What each column of `differences` means.
    pub definition: BTreeMap<String, String>,
}

/// One metric of two runs. Differences are B − A: whether higher is better is the metric's affair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference {
    /// The metric.
    pub metric: String,
    /// The run that is subtracted.
    pub run_a: String,
    /// The run it is subtracted from.
    pub run_b: String,
    /// Mean of A over the paired cases.
    pub mean_a: Option<f64>,
    /// Mean of B over the paired cases.
    pub mean_b: Option<f64>,
    /// Mean of B − A; none without a paired case.
    pub mean_difference: Option<f64>,
    /// Lower end of its interval, see [`bca_interval`]; none below two paired cases.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// p of the paired bootstrap; none below two paired cases or without any difference.
    pub bootstrap_p: Option<f64>,
    /// The same, corrected by Holm over all metrics and pairs of the comparison.
    pub bootstrap_p_holm: Option<f64>,
    /// p of Wilcoxon's signed-rank test; none without any difference.
    pub wilcoxon_p: Option<f64>,
    /// The same, corrected by Holm over all metrics and pairs of the comparison.
    pub wilcoxon_p_holm: Option<f64>,
    /// Whether Wilcoxon's p is exact or by the normal approximation.
    pub wilcoxon_null: Option<NullDistribution>,
    /// Cases that have a value in both runs.
    pub n: usize,
    /// Cases left out because one run or both have none.
    pub n_undefined: usize,
    /// How the difference varies from seed to seed; none where there is one seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_seeds: Option<SeedDifferences>,
    /// What to bear in mind.
    pub warnings: Vec<CaseWarning>,
}

/// Compares runs over the same cases: for each metric and each pair of runs, the first of which is A
/// and the later B, the mean of B − A over the cases that have a value in both, its interval, and two
/// tests that it is 0.
///
/// What is drawn depends on seed, metric and number of cases alone, so an exchange of two runs
/// changes nothing but signs.
///
/// # Errors
/// [`CompareError`] for fewer than two runs, two runs of one name, cases or metrics that one run has
/// and another lacks, and values that are not finite.
pub fn compare(runs: &[RunFigures], seed: Seed) -> Result<Comparison, CompareError> {
    let metrics = checks::shared_metrics(runs)?;
    let mut differences = Vec::new();
    for metric in metrics {
        for (index, a) in runs.iter().enumerate() {
            for b in &runs[index + 1..] {
                differences.push(difference(a, b, metric, seed));
            }
        }
    }
    let corrected = |p: fn(&PairedDifference) -> Option<f64>| {
        holm(&differences.iter().map(p).collect::<Vec<_>>())
    };
    let bootstrap = corrected(|d| d.bootstrap_p);
    let wilcoxon = corrected(|d| d.wilcoxon_p);
    for ((difference, bootstrap), wilcoxon) in differences.iter_mut().zip(bootstrap).zip(wilcoxon) {
        difference.bootstrap_p_holm = bootstrap;
        difference.wilcoxon_p_holm = wilcoxon;
    }
    Ok(Comparison {
        runs: runs.iter().map(|run| run.name.clone()).collect(),
        n_cases: runs.first().map_or(0, |run| run.cases.len()),
        differences,
        definition: definition(),
    })
}

fn difference(a: &RunFigures, b: &RunFigures, metric: &str, seed: Seed) -> PairedDifference {
    let values = |run: &RunFigures| -> Vec<Option<f64>> {
        let of_case = |figures: &BTreeMap<String, Option<f64>>| figures.get(metric).copied();
        run.cases.values().map(|f| of_case(f).flatten()).collect()
    };
    let (in_a, in_b) = (values(a), values(b));
    let pairs: Vec<(f64, f64)> = in_a
        .iter()
        .zip(&in_b)
        .filter_map(|(a, b)| a.zip(*b))
        .collect();
    let n = pairs.len();
    let mean = |values: &[f64]| (n > 0).then(|| values.iter().sum::<f64>() / n as f64);
    let (of_a, of_b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| b - a).collect();
    let interval = bca_interval(&differences, seed, metric);
    let wilcoxon = wilcoxon_signed_rank(&differences);

    let mut warnings = CaseWarning::of_values(&differences);
    if n > 0 && differences.iter().all(|d| *d == 0.0) {
        warnings.push(CaseWarning::NoDifference);
    }
    let n_undefined = in_a.len() - n;
    if n_undefined > 0 {
        let undefined = |values: &[Option<f64>]| values.iter().filter(|v| v.is_none()).count();
        warnings.push(CaseWarning::LeftOut {
            undefined_in_a: undefined(&in_a),
            undefined_in_b: undefined(&in_b),
        });
    }
    PairedDifference {
        metric: metric.to_owned(),
        run_a: a.name.clone(),
        run_b: b.name.clone(),
        mean_a: mean(&of_a),
        mean_b: mean(&of_b),
        mean_difference: mean(&differences),
        low: interval.map(|(low, _)| low),
        high: interval.map(|(_, high)| high),
        bootstrap_p: paired_bootstrap_p(&differences, seed, metric),
        bootstrap_p_holm: None,
        wilcoxon_p: wilcoxon.map(|w| w.p),
        wilcoxon_p_holm: None,
        wilcoxon_null: wilcoxon.map(|w| w.null),
        n,
        n_undefined,
        over_seeds: None,
        warnings,
    }
}

fn definition() -> BTreeMap<String, String> {
    [
        (
            "mean_difference",
            "mean of B − A over the cases that have a value in both runs; higher is not taken to be better".to_owned(),
        ),
        (
            "low, high",
            format!("95 % BCa bootstrap interval of the mean of B − A, {RESAMPLES} resamples of the cases (Efron 1987)"),
        ),
        (
            "bootstrap_p",
            format!(
                "two-sided p of the mean of B − A being 0: differences moved to mean 0, {PAIRED_RESAMPLES} resamples, \
                 (1 + as large ones) / {} (Efron & Tibshirani 1993, section 16.4)",
                PAIRED_RESAMPLES + 1
            ),
        ),
        (
            "wilcoxon_p",
            "two-sided p of Wilcoxon's signed-rank test, differences of 0 left out, exact for up to 50 cases \
             without ties or zeros and up to 13 with them, else normal with tie correction (as SciPy's auto)"
                .to_owned(),
        ),
        (
            "bootstrap_p_holm, wilcoxon_p_holm",
            "corrected over all metrics and pairs of the comparison, each test by itself (Holm 1979)".to_owned(),
        ),
    ]
    .map(|(name, text)| (name.to_owned(), text))
    .into()
}
