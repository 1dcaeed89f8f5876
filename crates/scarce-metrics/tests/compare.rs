//! Runs side by side: against SciPy, under exchange, with gaps, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use scarce_image::Seed;
use scarce_metrics::statistics::{
    CaseWarning, Comparison, NullDistribution, PairedDifference, RunFigures, compare, holm,
};

/// A metric's name, and its value of the i-th case.
type MetricOf<'a> = (&'a str, &'a dyn Fn(f64) -> Option<f64>);

/// A run of `n` cases.
fn run(name: &str, n: usize, metrics: &[MetricOf<'_>]) -> RunFigures {
    let figures = |i: usize| -> BTreeMap<String, Option<f64>> {
        let of = |(metric, value): &MetricOf<'_>| ((*metric).to_owned(), value(i as f64));
        metrics.iter().map(of).collect()
    };
    RunFigures {
        name: name.to_owned(),
        cases: (0..n)
            .map(|i| (format!("case-{i:02}"), figures(i)))
            .collect(),
    }
}

fn dice_a(i: f64) -> f64 {
    0.88 + 0.06 * (2.0 * i).sin()
}

fn hd95_a(i: f64) -> f64 {
    5.0 + 2.0 * (3.0 * i).sin()
}

fn two_runs() -> [RunFigures; 2] {
    let dice_b = |i: f64| Some(dice_a(i) + 0.008 + 0.02 * (5.0 * i).cos());
    let hd95_b = |i: f64| Some(hd95_a(i) - 0.1 + 1.5 * (1.3 * i * i).sin());
    [
        run(
            "a",
            24,
            &[
                ("dice", &|i| Some(dice_a(i))),
                ("hd95", &|i| Some(hd95_a(i))),
            ],
        ),
        run("b", 24, &[("dice", &dice_b), ("hd95", &hd95_b)]),
    ]
}

/// ```python
/// i = np.arange(24)
/// dice_a = 0.88 + 0.06 * np.sin(2.0 * i); dice_b = dice_a + 0.008 + 0.02 * np.cos(5.0 * i)
/// hd_a = 5 + 2 * np.sin(3.0 * i); hd_b = hd_a - 0.1 + 1.5 * np.sin(1.3 * i * i)
/// d.mean(), bootstrap((d,), np.mean, method="BCa", n_resamples=200000), wilcoxon(d)  # SciPy 1.17.1
/// m = (d - d.mean())[np.random.default_rng(0).integers(0, 24, (400000, 24))].mean(1)
/// (np.abs(m) >= abs(d.mean())).mean()
/// ```
#[test]
fn equals_scipy() {
    let comparison = compare(&two_runs(), Seed(4)).unwrap();
    assert_eq!((comparison.n_cases, comparison.differences.len()), (24, 2));
    for (found, mean, ends, slack, bootstrap_p, wilcoxon_p) in [
        (
            &comparison.differences[0],
            0.0077535770643563234,
            [0.002141, 0.013475],
            0.001,
            0.00659,
            0.029131293296813965,
        ),
        (
            &comparison.differences[1],
            -0.17012728707299404,
            [-0.609826, 0.278817],
            0.06,
            0.45616,
            0.2522493600845337,
        ),
    ] {
        assert!(
            (found.mean_difference.unwrap() - mean).abs() < 1e-12,
            "{found:?}"
        );
        let (low, high) = (found.low.unwrap(), found.high.unwrap());
        assert!(
            (low - ends[0]).abs() < slack && (high - ends[1]).abs() < slack,
            "{found:?}"
        );
        assert!(
            (found.bootstrap_p.unwrap() - bootstrap_p).abs() < 0.02,
            "{found:?}"
        );
        assert!(
            (found.wilcoxon_p.unwrap() - wilcoxon_p).abs() < 1e-9,
            "{found:?}"
        );
        assert_eq!(found.wilcoxon_null, Some(NullDistribution::Exact));
        assert_eq!((found.n, found.n_undefined), (24, 0));
        assert_eq!(found.warnings, [CaseWarning::FewCases { n: 24 }]);
        let difference = found.mean_b.unwrap() - found.mean_a.unwrap();
        assert!((difference - mean).abs() < 1e-12);
    }
    let of = |p: fn(&PairedDifference) -> Option<f64>| -> Vec<Option<f64>> {
        comparison.differences.iter().map(p).collect()
    };
    assert_eq!(holm(&of(|d| d.bootstrap_p)), of(|d| d.bootstrap_p_holm));
    assert_eq!(holm(&of(|d| d.wilcoxon_p)), of(|d| d.wilcoxon_p_holm));
    assert!(comparison.definition["mean_difference"].contains("B − A"));
    let json = serde_json::to_string(&comparison).unwrap();
    let back: Comparison = serde_json::from_str(&json).unwrap();
    assert_eq!(
        back.differences[1].warnings,
        comparison.differences[1].warnings
    );
}

#[test]
fn an_exchange_of_runs_changes_signs() {
    let [a, b] = two_runs();
    let forth = compare(&[a.clone(), b.clone()], Seed(4)).unwrap();
    let back = compare(&[b, a], Seed(4)).unwrap();
    for (forth, back) in forth.differences.iter().zip(&back.differences) {
        let close = |x: Option<f64>, y: Option<f64>| (x.unwrap() - y.unwrap()).abs() < 1e-12;
        assert_eq!((&forth.run_a, &forth.run_b), (&back.run_b, &back.run_a));
        assert!(close(
            forth.mean_difference,
            back.mean_difference.map(|m| -m)
        ));
        assert!(close(forth.low, back.high.map(|h| -h)) && close(forth.high, back.low.map(|l| -l)));
        assert_eq!(forth.bootstrap_p, back.bootstrap_p);
        assert_eq!(forth.wilcoxon_p, back.wilcoxon_p);
    }
}

#[test]
fn three_runs_make_three_pairs_and_gaps_are_counted() {
    let gap = |i: f64| (i != 3.0).then(|| dice_a(i) - 0.01);
    let runs = [
        run("a", 12, &[("dice", &|i| Some(dice_a(i)))]),
        run("b", 12, &[("dice", &gap)]),
        run("c", 12, &[("dice", &|i| (i > 4.0).then(|| dice_a(i)))]),
    ];
    let comparison = compare(&runs, Seed(0)).unwrap();
    let pairs: Vec<_> = comparison
        .differences
        .iter()
        .map(|d| (d.run_a.as_str(), d.run_b.as_str(), d.n, d.n_undefined))
        .collect();
    assert_eq!(
        pairs,
        [("a", "b", 11, 1), ("a", "c", 7, 5), ("b", "c", 7, 5)]
    );
    assert!(
        comparison.differences[2]
            .warnings
            .contains(&CaseWarning::LeftOut {
                undefined_in_a: 1,
                undefined_in_b: 5,
            })
    );
    // Runs that agree in every case have an interval without width and no p at all.
    let same = &comparison.differences[1];
    assert_eq!(
        (same.mean_difference, same.low, same.high),
        (Some(0.0), Some(0.0), Some(0.0))
    );
    assert_eq!(
        (same.bootstrap_p, same.wilcoxon_p, same.wilcoxon_p_holm),
        (None, None, None)
    );
    for warning in [
        CaseWarning::VeryFewCases { n: 7 },
        CaseWarning::AllEqual,
        CaseWarning::NoDifference,
    ] {
        assert!(same.warnings.contains(&warning), "{warning}");
    }
}

#[test]
fn no_pair_is_no_figure() {
    let runs = [
        run("a", 3, &[("asd", &|_| None)]),
        run("b", 3, &[("asd", &Some)]),
    ];
    let found = &compare(&runs, Seed(0)).unwrap().differences[0];
    assert_eq!((found.n, found.n_undefined), (0, 3));
    assert_eq!(
        (found.mean_a, found.mean_difference, found.low),
        (None, None, None)
    );
    assert_eq!((found.bootstrap_p, found.wilcoxon_p), (None, None));
}

#[test]
fn what_cannot_be_compared_is_named() {
    let some: MetricOf<'_> = ("dice", &|_| Some(0.5));
    let other: MetricOf<'_> = ("asd", &|_| Some(0.5));
    let nan: MetricOf<'_> = ("dice", &|_| Some(f64::NAN));
    for (runs, said) in [
        (
            vec![run("a", 2, &[some])],
            "a comparison takes at least two runs, got 1",
        ),
        (
            vec![run("a", 2, &[some]), run("a", 2, &[some])],
            "two runs are called \"a\"",
        ),
        (
            vec![run("a", 0, &[]), run("b", 0, &[])],
            "the runs have no cases",
        ),
        (
            vec![run("a", 5, &[some]), run("b", 2, &[some])],
            "run \"b\" lacks 3 of the cases of run \"a\", such as \"case-02\"",
        ),
        (
            vec![run("a", 2, &[some]), run("b", 3, &[some])],
            "run \"a\" lacks 1 of the cases of run \"b\", such as \"case-02\"",
        ),
        (
            vec![run("a", 2, &[some]), run("b", 2, &[some, other])],
            "run \"a\", case \"case-00\" lacks metric \"asd\", which run \"b\" has",
        ),
        (
            vec![run("a", 2, &[some]), run("b", 2, &[nan])],
            "run \"b\", case \"case-00\": dice is NaN, expected a finite value or none",
        ),
    ] {
        assert_eq!(compare(&runs, Seed(0)).unwrap_err().to_string(), said);
    }
}
