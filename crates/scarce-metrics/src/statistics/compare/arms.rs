//! The same training with several seeds, side by side with another.

use std::collections::BTreeMap;

use scarce_image::Seed;
use serde::{Deserialize, Serialize};

use super::checks;
use super::{CompareError, Comparison, PairedDifference, RunFigures, compare};
use crate::statistics::t_interval;

/// One arm of a comparison: runs that differ in their seed alone.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmFigures {
    /// What the arm is called.
    pub name: String,
    /// By seed the figures of its run: case, then metric; none where the figure is undefined.
    pub seeds: BTreeMap<String, BTreeMap<String, BTreeMap<String, Option<f64>>>>,
}

/// One metric of two arms, seed by seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedDifferences {
    /// By seed the mean of B − A over the cases that have a value in both.
    pub mean_difference: BTreeMap<String, f64>,
    /// Lower end of Student's interval of their mean; none below two seeds.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// Compares arms whose runs have the same seeds and cases. A case's figure is the mean over the arm's seeds, undefined where it
/// is in one of them; these are compared as [`compare`] does, so that a test counts patients and not repetitions. How the
/// difference varies from seed to seed stands beside it ([`PairedDifference::over_seeds`]).
///
/// # Errors
/// As [`compare`]; [`CompareError::SeedMissing`] for a seed that one arm has and another lacks, [`CompareError::NoSeeds`].
pub fn compare_arms(arms: &[ArmFigures], seed: Seed) -> Result<Comparison, CompareError> {
    same_seeds(arms)?;
    let runs: Vec<RunFigures> = arms.iter().flat_map(runs_of).collect();
    if arms.len() > 1 {
        checks::shared_metrics(&runs)?;
    }
    let means: Vec<RunFigures> = arms.iter().map(mean_over_seeds).collect();
    let mut comparison = compare(&means, seed)?;
    for difference in &mut comparison.differences {
        let arm = |name: &str| arms.iter().find(|arm| arm.name == name);
        if let (Some(a), Some(b)) = (arm(&difference.run_a), arm(&difference.run_b)) {
            difference.over_seeds = over_seeds(a, b, difference);
        }
    }
    comparison.definition.insert(
        "over_seeds".to_owned(),
        "by seed the mean of B − A, and Student's 95 % interval of the mean of these: what another seed may bring on the same \
         cases, while `low, high` tells what other cases may bring with these seeds; a case's value is its mean over seeds"
            .to_owned(),
    );
    Ok(comparison)
}

/// Its runs, told apart by their seeds.
fn runs_of(arm: &ArmFigures) -> impl Iterator<Item = RunFigures> + '_ {
    arm.seeds.iter().map(|(seed, cases)| RunFigures {
        name: format!("{} (seed {seed})", arm.name),
        cases: cases.clone(),
    })
}

fn same_seeds(arms: &[ArmFigures]) -> Result<(), CompareError> {
    if let Some(arm) = arms.iter().find(|arm| arm.seeds.is_empty()) {
        let name = arm.name.clone();
        return Err(CompareError::NoSeeds { name });
    }
    for with in arms {
        for without in arms {
            let lacking = |seed: &&String| !without.seeds.contains_key(*seed);
            if let Some(seed) = with.seeds.keys().find(lacking) {
                return Err(CompareError::SeedMissing {
                    without: without.name.clone(),
                    with: with.name.clone(),
                    seed: seed.clone(),
                });
            }
        }
    }
    Ok(())
}

fn mean_over_seeds(arm: &ArmFigures) -> RunFigures {
    let mut cases: BTreeMap<String, BTreeMap<String, Option<f64>>> = BTreeMap::new();
    let share = 1.0 / arm.seeds.len() as f64;
    for (case, metric, value) in arm.seeds.values().flat_map(figures_of) {
        let sum = cases.entry(case.clone()).or_default();
        let sum = sum.entry(metric.clone()).or_insert(Some(0.0));
        *sum = sum.zip(value).map(|(sum, value)| sum + share * value);
    }
    RunFigures {
        name: arm.name.clone(),
        cases,
    }
}

fn figures_of(
    cases: &BTreeMap<String, BTreeMap<String, Option<f64>>>,
) -> impl Iterator<Item = (&String, &String, Option<f64>)> {
    cases.iter().flat_map(|(case, figures)| {
        figures
            .iter()
            .map(move |(metric, value)| (case, metric, *value))
    })
}

fn over_seeds(
    a: &ArmFigures,
    b: &ArmFigures,
    difference: &PairedDifference,
) -> Option<SeedDifferences> {
    if a.seeds.len() < 2 {
        return None;
    }
    let mut means = BTreeMap::new();
    for (seed, cases) in &a.seeds {
        let value = |figures: &BTreeMap<String, Option<f64>>| {
            figures.get(&difference.metric).copied().flatten()
        };
        let differences: Vec<f64> = cases
            .iter()
            .filter_map(|(case, of_a)| {
                let of_b = b.seeds.get(seed)?.get(case)?;
                value(of_a).zip(value(of_b)).map(|(a, b)| b - a)
            })
            .collect();
        if !differences.is_empty() {
            let mean = differences.iter().sum::<f64>() / differences.len() as f64;
            means.insert(seed.clone(), mean);
        }
    }
    let interval = t_interval(&means.values().copied().collect::<Vec<_>>());
    Some(SeedDifferences {
        mean_difference: means,
        low: interval.map(|(low, _)| low),
        high: interval.map(|(_, high)| high),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(name: &str, seeds: &[(&str, [Option<f64>; 4])]) -> ArmFigures {
        let cases = |values: &[Option<f64>; 4]| {
            values
                .iter()
                .enumerate()
                .map(|(k, v)| {
                    (
                        format!("case{k}"),
                        BTreeMap::from([("dice".to_owned(), *v)]),
                    )
                })
                .collect()
        };
        ArmFigures {
            name: name.to_owned(),
            seeds: seeds
                .iter()
                .map(|(seed, values)| ((*seed).to_owned(), cases(values)))
                .collect(),
        }
    }

    fn some(values: [f64; 4]) -> [Option<f64>; 4] {
        values.map(Some)
    }

    /// `scipy.stats.t.interval(.95, 1, d.mean(), d.std(ddof=1) / 2 ** .5)` with `d = np.array([.1, .2])`
    #[test]
    fn cases_are_paired_after_the_mean_over_seeds() {
        let a = [
            ("1", some([0.5, 0.6, 0.7, 0.8])),
            ("2", some([0.4, 0.5, 0.6, 0.7])),
        ];
        let b = [
            ("1", some([0.6, 0.7, 0.8, 0.9])),
            ("2", some([0.6, 0.7, 0.8, 0.9])),
        ];
        let comparison = compare_arms(&[arm("a", &a), arm("b", &b)], Seed(1)).unwrap();
        let found = &comparison.differences[0];
        assert_eq!((found.n, comparison.n_cases), (4, 4));
        assert!((found.mean_difference.unwrap() - 0.15).abs() < 1e-12);
        let seeds = found.over_seeds.as_ref().unwrap();
        assert!((seeds.mean_difference["1"] - 0.1).abs() < 1e-12);
        assert!((seeds.mean_difference["2"] - 0.2).abs() < 1e-12);
        assert!((seeds.low.unwrap() + 0.485_310_236_808_735).abs() < 1e-9);
        assert!((seeds.high.unwrap() - 0.7853102368087354).abs() < 1e-9);

        // Undefined with one seed is undefined; one seed each is a comparison of runs.
        let hole = [
            ("1", b[0].1),
            ("2", [None, Some(0.7), Some(0.8), Some(0.9)]),
        ];
        let comparison = compare_arms(&[arm("a", &a), arm("b", &hole)], Seed(1)).unwrap();
        let found = &comparison.differences[0];
        assert_eq!((found.n, found.n_undefined), (3, 1));
        let comparison = compare_arms(&[arm("a", &a[..1]), arm("b", &b[..1])], Seed(1)).unwrap();
        assert_eq!(comparison.differences[0].over_seeds, None);
    }

    #[test]
    fn arms_that_cannot_be_paired_are_refused() {
        let one = arm("a", &[("1", some([0.5; 4]))]);
        let two = arm("b", &[("1", some([0.5; 4])), ("2", some([0.5; 4]))]);
        let mut fewer = arm("c", &[("1", some([0.5; 4]))]);
        if let Some(cases) = fewer.seeds.get_mut("1") {
            cases.remove("case2");
        }
        for (arms, part) in [
            ([one.clone(), two], "arm \"a\" lacks seed 2 of arm \"b\""),
            ([one.clone(), arm("d", &[])], "arm \"d\" has no run"),
            ([one.clone(), fewer], "case2"),
            ([one.clone(), one], "two runs are called"),
        ] {
            let error = compare_arms(&arms, Seed(1)).unwrap_err().to_string();
            assert!(error.contains(part), "{error} lacks {part}");
        }
    }
}
