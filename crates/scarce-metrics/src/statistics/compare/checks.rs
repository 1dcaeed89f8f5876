//! What must hold before runs are compared.

use std::collections::{BTreeMap, BTreeSet};

use super::{CompareError, RunFigures};

/// The metrics of the runs, which all have the same cases and metrics.
pub(super) fn shared_metrics(runs: &[RunFigures]) -> Result<BTreeSet<&str>, CompareError> {
    if runs.len() < 2 {
        return Err(CompareError::FewRuns { n: runs.len() });
    }
    let mut names = BTreeSet::new();
    for run in runs {
        if !names.insert(&run.name) {
            let name = run.name.clone();
            return Err(CompareError::RepeatedName { name });
        }
    }
    if runs.iter().all(|run| run.cases.is_empty()) {
        return Err(CompareError::NoCases);
    }
    same_cases(runs)?;
    // Each metric and the first run that has it.
    let mut metrics: BTreeMap<&str, &str> = BTreeMap::new();
    for run in runs {
        for metric in run.cases.values().flat_map(BTreeMap::keys) {
            metrics.entry(metric).or_insert(&run.name);
        }
    }
    for run in runs {
        for (case, figures) in &run.cases {
            complete(run, case, figures, &metrics)?;
        }
    }
    Ok(metrics.into_keys().collect())
}

fn same_cases(runs: &[RunFigures]) -> Result<(), CompareError> {
    for with in runs {
        for without in runs {
            let lacking: Vec<&String> = with
                .cases
                .keys()
                .filter(|case| !without.cases.contains_key(*case))
                .collect();
            if let Some(first) = lacking.first() {
                return Err(CompareError::CaseMissing {
                    without: without.name.clone(),
                    with: with.name.clone(),
                    case: (*first).clone(),
                    n: lacking.len(),
                });
            }
        }
    }
    Ok(())
}

fn complete(
    run: &RunFigures,
    case: &str,
    figures: &BTreeMap<String, Option<f64>>,
    metrics: &BTreeMap<&str, &str>,
) -> Result<(), CompareError> {
    for (metric, with) in metrics {
        match figures.get(*metric) {
            None => {
                return Err(CompareError::MetricMissing {
                    run: run.name.clone(),
                    case: case.to_owned(),
                    metric: (*metric).to_owned(),
                    with: (*with).to_owned(),
                });
            }
            Some(Some(value)) if !value.is_finite() => {
                return Err(CompareError::NotFinite {
                    run: run.name.clone(),
                    case: case.to_owned(),
                    metric: (*metric).to_owned(),
                    value: *value,
                });
            }
            Some(_) => {}
        }
    }
    Ok(())
}
