//! What has no value says why, where scikit-learn gives 0, 1 or NaN.

use scarce_image::Seed;
use scarce_metrics::classification::{
    ClassificationTable, ConfusionMatrix, RankedScores, ScoreKind, Undefined,
    evaluate_classification,
};

use super::{names, record};

/// What `f(y, p)` of scikit-learn 1.9.1 returns with a warning, or without:
/// `roc_auc_score([1, 1], [.2, .7])` NaN, `average_precision_score([0, 0], ...)` 0 and `([1, 1], ...)` 1.
#[test]
fn one_class_has_no_ranking() {
    for positive in [[true, true], [false, false]] {
        let ranked = RankedScores::new(&positive, &[0.2, 0.7]).unwrap();
        assert_eq!(ranked.roc_auc(), Err(Undefined::OneClass));
        assert_eq!(ranked.average_precision(), Err(Undefined::OneClass));
    }
}

/// scikit-learn: `balanced_accuracy_score` 0.5, `cohen_kappa_score` NaN (both constant) or 0,
/// `matthews_corrcoef` 0, `precision_score` 0, `recall_score` 0, `f1_score` 0.
#[test]
fn constants_have_no_agreement() {
    let one_class = ConfusionMatrix::of(3, &[1, 1], &[1, 0]).unwrap();
    let one_prediction = ConfusionMatrix::of(3, &[0, 1], &[1, 1]).unwrap();
    let both = ConfusionMatrix::of(3, &[1, 1], &[1, 1]).unwrap();
    for (got, expected) in [
        (one_class.balanced_accuracy(), Err(Undefined::OneClass)),
        (one_class.matthews(), Err(Undefined::OneClass)),
        (one_prediction.matthews(), Err(Undefined::OnePrediction)),
        (both.cohen_kappa(), Err(Undefined::OneClass)),
        (both.quadratic_weighted_kappa(), Err(Undefined::OneClass)),
        // No more than chance: by the formula, and by scikit-learn.
        (one_class.cohen_kappa(), Ok(0.0)),
        (
            one_class.sensitivity(0),
            Err(Undefined::ClassWithoutCases { class: 0 }),
        ),
        (
            one_class.specificity(1),
            Err(Undefined::NoOtherCases { class: 1 }),
        ),
        (
            one_class.precision(2),
            Err(Undefined::NeverPredicted { class: 2 }),
        ),
        (one_class.f1(2), Err(Undefined::ClassAbsent { class: 2 })),
        (one_class.f1(0), Ok(0.0)),
        (
            one_class.sensitivity(7),
            Err(Undefined::ClassWithoutCases { class: 7 }),
        ),
        // A class that is neither there nor predicted takes no part.
        (Ok(one_class.f1_macro()), Ok(1.0 / 3.0)),
        (Ok(one_class.f1_weighted()), Ok(2.0 / 3.0)),
    ] {
        match (got, expected) {
            (Ok(got), Ok(expected)) => assert!((got - expected).abs() < 1e-15, "{got} {expected}"),
            (got, expected) => assert_eq!(got, expected),
        }
    }
}

#[test]
fn a_report_gives_the_reason() {
    // Nobody has "c", and all scores are of a ranking only.
    let scores = [[0.1, 2.0, -1.0], [3.0, 0.0, 0.5], [0.2, 0.3, 9.0]];
    let records = ["a", "b", "a"].iter().zip(scores).enumerate();
    let records = records
        .map(|(id, (class, scores))| record(id, class, Some("a"), Some(scores.to_vec())))
        .collect();
    let table =
        ClassificationTable::new(names(&["a", "b", "c"]), records, ScoreKind::Ranking).unwrap();
    let report = evaluate_classification(&table, Seed(0));
    for (name, reason) in [
        ("c.sensitivity", "no case is of class 2"),
        ("c.roc_auc", "no case is of class 2"),
        ("roc_auc_macro", "no case is of class 2"),
        ("average_precision_macro", "no case is of class 2"),
        ("c.precision", "no case is predicted to be of class 2"),
        ("c.f1", "class 2 neither occurs nor is predicted"),
        ("matthews", "all predictions are of one class"),
    ] {
        let figure = &report.figures[name];
        assert_eq!(figure.undefined.unwrap().to_string(), reason, "{name}");
        let summary = &figure.summary;
        assert_eq!(
            (summary.value, summary.low, summary.high),
            (None, None, None),
            "{name}"
        );
    }
    // No probabilities, no such figures.
    assert!(!report.figures.contains_key("brier") && !report.figures.contains_key("ece"));
    assert_eq!(
        report.cases[0].metrics.keys().collect::<Vec<_>>(),
        ["accuracy"]
    );

    // A single ranking score says nothing of the class.
    let records = (0..2).map(|id| record(id, ["a", "b"][id], None, Some(vec![id as f64 - 5.0])));
    let table = ClassificationTable::new(names(&["a", "b"]), records.collect(), ScoreKind::Ranking)
        .unwrap();
    let report = evaluate_classification(&table, Seed(0));
    assert_eq!(report.confusion_matrix, None);
    assert_eq!(
        report.figures.keys().collect::<Vec<_>>(),
        ["average_precision", "roc_auc"]
    );
    assert_eq!(report.figures["roc_auc"].summary.value, Some(1.0));
}
