//! The record of a free-response evaluation.

use std::collections::BTreeMap;

use scarce_image::Seed;
use serde::{Deserialize, Serialize};

use super::{FrocCurve, FrocError, FrocScan, HitRule};
use crate::Summary;
use crate::detection::bootstrap::{interval, resampled};

/// How a curve is summed up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FrocOptions {
    /// False positives a scan at which sensitivity is read; ascending. _Default:_ ⅛, ¼, ½, 1, 2, 4, 8.
    pub rates: Vec<f64>,
    /// Resamples of the scans behind each interval; 0 gives none. _Default:_ 1000, as LUNA16.
    pub resamples: usize,
}

impl Default for FrocOptions {
    fn default() -> Self {
        Self {
            rates: vec![0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0],
            resamples: 1000,
        }
    }
}

impl FrocOptions {
    /// With other rates.
    #[must_use]
    pub fn with_rates(mut self, rates: impl Into<Vec<f64>>) -> Self {
        self.rates = rates.into();
        self
    }

    /// With another number of resamples.
    #[must_use]
    pub fn with_resamples(mut self, resamples: usize) -> Self {
        self.resamples = resamples;
        self
    }
}

/// What became of a set of scans.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrocReport {
    /// `sensitivity_at_RATE` for each rate, and their mean `cpm`; none without lesions. `n` counts
    /// scans.
    #[serde(rename = "mean")]
    pub figures: BTreeMap<String, Summary>,
    /// What each figure means.
    pub definition: BTreeMap<String, String>,
    /// Scans, those without lesions among them.
    pub n_scans: usize,
    /// Lesions asked for.
    pub n_lesions: usize,
    /// Lesions that any candidate hits.
    pub n_found: usize,
    /// Candidates that hit nothing.
    pub n_false_positives: usize,
}

/// Sensitivity at the rates and their mean, with 95 % percentile intervals over resamples of the scans. `rule` is the
/// one the scans were made by; the definitions tell it.
///
/// # Errors
/// [`FrocError::Option`] for rates that don't ascend from 0 or more.
pub fn froc_report(
    scans: &[FrocScan],
    rule: HitRule,
    options: &FrocOptions,
    seed: Seed,
) -> Result<FrocReport, FrocError> {
    let rates = &options.rates;
    let usable = |rate: &f64| rate.is_finite() && *rate >= 0.0;
    if rates.is_empty() || !rates.iter().all(usable) || !rates.is_sorted_by(|a, b| a < b) {
        return Err(FrocError::Option {
            option: "rates",
            expected: "ascending false positives a scan, 0 or more",
            got: format!("{rates:?}"),
        });
    }
    let curve = FrocCurve::new(scans);
    let with_mean = |found: Option<Vec<f64>>| {
        let mut values = found.unwrap_or_else(|| vec![f64::NAN; rates.len()]);
        values.push(values.iter().sum::<f64>() / rates.len() as f64);
        values
    };
    let values = with_mean(curve.sensitivities(rates));
    let resamples = resampled(
        scans.len(),
        options.resamples,
        seed,
        "froc-bootstrap",
        |multiplicities, points| with_mean(curve.weighted(multiplicities, rates, points)),
    );
    let mut figures = BTreeMap::new();
    let mut definition = BTreeMap::new();
    let names = rates.iter().map(|rate| format!("sensitivity_at_{rate}"));
    for (at, name) in names.chain(["cpm".to_owned()]).enumerate() {
        let ends = interval(&resamples, at);
        let value = (!values[at].is_nan()).then_some(values[at]);
        let figure = Summary {
            value,
            low: ends.map(|(low, _)| low),
            high: ends.map(|(_, high)| high),
            n: scans.len(),
            n_undefined: usize::from(value.is_none()),
            n_penalised: 0,
        };
        definition.insert(name.clone(), text(rates.get(at), rule, options));
        figures.insert(name, figure);
    }
    Ok(FrocReport {
        figures,
        definition,
        n_scans: scans.len(),
        n_lesions: curve.lesions(),
        n_found: scans.iter().map(|scan| scan.hits.len()).sum(),
        n_false_positives: scans.iter().map(|scan| scan.false_positives.len()).sum(),
    })
}

/// What a figure means: at a rate, or the mean over all.
fn text(rate: Option<&f64>, rule: HitRule, options: &FrocOptions) -> String {
    let formula = match rate {
        Some(rate) => format!("lesions hit / lesions at {rate} false positives a scan"),
        None => format!(
            "mean of lesions hit / lesions over {:?} false positives a scan",
            options.rates
        ),
    };
    let interval = match options.resamples {
        0 => "no interval".to_owned(),
        n => format!("95 % percentile bootstrap interval, {n} resamples of the scans"),
    };
    format!(
        "{formula}; straight between the scores' points, level beyond the last; a candidate hits a lesion: {rule}; further candidates on a lesion count neither way; no lesion: undefined; source: LUNA16 (Setio et al. 2017); {interval}"
    )
}
