//! Intervals of classification figures.

use rayon::ThreadPoolBuilder;
use scarce_image::Seed;
use scarce_metrics::classification::{
    ClassificationReport, ClassificationTable, IntervalMethod, ScoreKind, evaluate_classification,
};
use scarce_metrics::report::EvaluationReport;
use scarce_metrics::statistics::CaseWarning;

use super::{four_classes, names, record, two_classes};

/// With y, p of [`two_classes`] and h = p > 0.5:
/// ```python
/// r = np.random.default_rng(0); g = [np.flatnonzero(y == c) for c in (0, 1)]
/// for _ in range(20000):
///     s = np.concatenate([r.choice(x, len(x)) for x in g])
///     a.append(roc_auc_score(y[s], p[s])); k.append(cohen_kappa_score(y[s], h[s]))
/// np.percentile(a, [2.5, 97.5]), np.percentile(k, [2.5, 97.5])
/// ```
/// and for accuracy `scipy.stats.bootstrap((y == h,), np.mean, method="BCa")`.
#[test]
fn are_close_to_numpys() {
    let report = evaluate_classification(&two_classes(), Seed(11));
    for (name, method, low, high) in [
        (
            "roc_auc",
            IntervalMethod::StratifiedPercentile,
            0.6451,
            0.8837,
        ),
        (
            "cohen_kappa",
            IntervalMethod::StratifiedPercentile,
            -0.0175,
            0.4420,
        ),
        ("accuracy", IntervalMethod::Bca, 0.4667, 0.7167),
        ("f1_micro", IntervalMethod::Bca, 0.4667, 0.7167),
    ] {
        let figure = &report.figures[name];
        let got = (figure.summary.low.unwrap(), figure.summary.high.unwrap());
        assert!(
            (got.0 - low).abs() < 0.02 && (got.1 - high).abs() < 0.02,
            "{name}: {got:?}"
        );
        assert_eq!(figure.interval, Some(method), "{name}");
    }
    // Twenty-three lesions are the smaller class.
    let warnings = &report.figures["roc_auc"].warnings;
    assert_eq!(warnings, &[CaseWarning::SmallClass { n: 23 }]);
    for (name, figure) in &report.figures {
        let summary = &figure.summary;
        let (low, value, high) = (summary.low, summary.value, summary.high);
        // Few cases make calibration look worse than it is, resampled ones more so.
        let around = low <= value && value <= high;
        assert!(
            around || name == "ece",
            "{name}: {low:?} {value:?} {high:?}"
        );
    }
}

#[test]
fn threads_and_the_order_of_cases_change_nothing_but_the_seed_does() {
    let of = |threads: usize, seed: u64| {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| evaluate_classification(&four_classes(), Seed(seed)))
    };
    let once = of(1, 5);
    assert_eq!(once, of(3, 5));
    assert_ne!(once, of(1, 6));

    let records = |reversed: bool| {
        let mut records: Vec<_> = (0..9)
            .map(|id| record(id, ["a", "b"][id % 2], None, Some(vec![0.1 * id as f64])))
            .collect();
        if reversed {
            records.reverse();
        }
        let table = ClassificationTable::new(names(&["a", "b"]), records, ScoreKind::Probabilities);
        evaluate_classification(&table.unwrap(), Seed(2))
    };
    assert_eq!(records(false), records(true));
}

#[test]
fn cases_that_are_all_alike_leave_a_width() {
    let records = (0..20)
        .map(|id| {
            let class = ["a", "b"][id % 2];
            record(
                id,
                class,
                Some(class),
                Some(vec![0.25 + 0.5 * (id % 2) as f64]),
            )
        })
        .collect();
    let table = ClassificationTable::new(names(&["a", "b"]), records, ScoreKind::Probabilities);
    let report = evaluate_classification(&table.unwrap(), Seed(0));
    // scipy.stats.binomtest(20, 20).proportion_ci(method="wilson"), and of 10.
    for (name, low) in [
        ("accuracy", 0.8388748419471808),
        ("sensitivity", 0.7224672001371109),
    ] {
        let figure = &report.figures[name];
        assert_eq!(figure.interval, Some(IntervalMethod::Wilson));
        assert!((figure.summary.low.unwrap() - low).abs() < 1e-9, "{name}");
        assert_eq!(figure.summary.high, Some(1.0));
        assert!(figure.warnings.contains(&CaseWarning::AllEqual));
        assert!(report.definition[name].contains("Wilson"));
    }
    // A bootstrap of a perfect ranking has no width either, and says so.
    let auc = &report.figures["roc_auc"];
    assert_eq!((auc.summary.low, auc.summary.high), (Some(1.0), Some(1.0)));
    assert!(auc.warnings.contains(&CaseWarning::AllEqual));
}

#[test]
fn a_report_is_json_that_reads_as_any_evaluation() {
    let report = evaluate_classification(&four_classes(), Seed(0));
    let json = serde_json::to_string(&report).unwrap();
    let back: ClassificationReport = serde_json::from_str(&json).unwrap();
    let plain: EvaluationReport = serde_json::from_str(&json).unwrap();
    for (name, figure) in &report.figures {
        // What is read is within a bit of what was written.
        for read in [&back.figures[name].summary, &plain.mean[name]] {
            assert!((read.value.unwrap() - figure.summary.value.unwrap()).abs() < 1e-15);
            assert!((read.low.unwrap() - figure.summary.low.unwrap()).abs() < 1e-15);
            assert_eq!(read.n, figure.summary.n);
        }
        assert_eq!(back.figures[name].interval, figure.interval);
        assert_eq!(back.figures[name].warnings, figure.warnings);
    }
    assert_eq!(plain.definition, report.definition);
    assert!(plain.to_csv().starts_with("id,"));
}
