//! Values that scikit-learn 1.9.1 gives.

use scarce_image::Seed;
use scarce_metrics::classification::{
    ClassificationReport, ConfusionMatrix, Probabilities, RankedScores, evaluate_classification,
};

use super::{four_classes, two_classes};

fn check(report: &ClassificationReport, expected: &[(&str, f64)]) {
    for (name, expected) in expected {
        let got = report.figures[*name].summary.value.unwrap();
        assert!(
            (got - expected).abs() < 1e-12,
            "{name}: {got}, not {expected}"
        );
        assert!(!report.definition[*name].is_empty());
    }
}

/// With y and p of [`two_classes`] and `h = (p > 0.5).astype(int)`: `accuracy_score`,
/// `balanced_accuracy_score`, `recall_score(y, h)`, `recall_score(y, h, pos_label=0)`, `precision_score`,
/// `f1_score`, the same with `average=...`, `cohen_kappa_score`, `matthews_corrcoef`, `roc_auc_score(y, p)`,
/// `average_precision_score`, `brier_score_loss`, and
/// ```python
/// def ece(correct, confidence):
///     acc, conf = sklearn.calibration.calibration_curve(correct, confidence, n_bins=15)
///     bins = np.searchsorted(np.linspace(0, 1, 16)[1:-1], confidence)
///     n = np.bincount(bins, minlength=15); n = n[n > 0]
///     return (n * np.abs(acc - conf)).sum() / n.sum()
/// q = np.stack([1 - p, p], 1); ece(q.argmax(1) == y, q.max(1))
/// ```
#[test]
fn two_classes_equal_scikit_learn() {
    let report = evaluate_classification(&two_classes(), Seed(1));
    check(
        &report,
        &[
            ("accuracy", 0.6),
            ("balanced_accuracy", 0.618096357226792),
            ("sensitivity", 0.6956521739130435),
            ("specificity", 0.5405405405405406),
            ("precision", 0.48484848484848486),
            ("f1", 0.5714285714285714),
            ("f1_micro", 0.6),
            ("f1_macro", 0.5982142857142857),
            ("f1_weighted", 0.6044642857142857),
            ("cohen_kappa", 0.21824104234527697),
            ("matthews", 0.23083009236969323),
            ("roc_auc", 0.7773207990599296),
            ("average_precision", 0.7405363675824034),
            ("brier", 0.22398833333333334),
            ("ece", 0.11950000000000004),
        ],
    );
    assert_eq!(report.figures.len(), 15);
    assert!(report.definition["sensitivity"].contains("positive class: lesion"));
    assert!(report.definition["ece"].contains("15 bins"));
    assert_eq!(report.figures["sensitivity"].summary.n, 23);
    let case = &report.cases[0];
    assert_eq!(
        case.metrics.keys().collect::<Vec<_>>(),
        ["accuracy", "brier"]
    );
}

/// As above with `h = p.argmax(1)`, `average_precision_score(y, p)`,
/// `roc_auc_score(y, p, multi_class="ovr")`, and for a class c alone `y == c`, `h == c`, `p[:, c]`.
#[test]
fn four_classes_equal_scikit_learn() {
    let report = evaluate_classification(&four_classes(), Seed(1));
    check(
        &report,
        &[
            ("accuracy", 0.6),
            ("balanced_accuracy", 0.625),
            ("f1_micro", 0.6),
            ("f1_macro", 0.5932419432419432),
            ("f1_weighted", 0.601314734648068),
            ("cohen_kappa", 0.46468401486988853),
            ("quadratic_weighted_kappa", 0.23419203747072592),
            ("matthews", 0.47301001362959677),
            ("roc_auc_macro", 0.868125),
            ("average_precision_macro", 0.7307293806818352),
            ("brier", 0.49558018809357496),
            ("ece", 0.19294492555180404),
            ("a.sensitivity", 0.4),
            ("a.specificity", 0.825),
            ("a.precision", 0.5333333333333333),
            ("a.f1", 0.45714285714285713),
            ("a.roc_auc", 0.76125),
            ("a.average_precision", 0.6913556501733171),
            ("d.sensitivity", 0.6),
            ("d.specificity", 0.88),
            ("d.precision", 0.5),
            ("d.f1", 0.5454545454545454),
            ("d.roc_auc", 0.8560000000000001),
            ("d.average_precision", 0.7293659420289855),
        ],
    );
    assert_eq!(report.figures.len(), 12 + 4 * 6);
    assert!(report.definition["d.roc_auc"].contains("d against the rest"));
    assert_eq!(
        report.confusion_matrix.unwrap(),
        [[8, 6, 2, 4], [0, 8, 0, 2], [3, 3, 14, 0], [4, 0, 0, 6]]
    );
}

/// The parts alone, on scikit-learn's own documentation examples: `roc_auc_score`,
/// `average_precision_score`, `matthews_corrcoef`, `brier_score_loss` (two classes, three classes).
#[test]
fn parts_equal_the_documented_examples() {
    let positive = [false, false, true, true];
    let ranked = RankedScores::new(&positive, &[0.1, 0.4, 0.35, 0.8]).unwrap();
    assert_eq!(ranked.roc_auc(), Ok(0.75));
    assert!((ranked.average_precision().unwrap() - 0.8333333333333333).abs() < 1e-15);
    // [+1, +1, +1, -1] against [+1, -1, +1, +1].
    let matrix = ConfusionMatrix::of(2, &[1, 1, 1, 0], &[1, 0, 1, 1]).unwrap();
    assert!((matrix.matthews().unwrap() + 1.0 / 3.0).abs() < 1e-15);
    let two = Probabilities::binary(&[false, true, true, false], &[0.1, 0.9, 0.8, 0.3]).unwrap();
    assert!((two.brier() - 0.0375).abs() < 1e-15);
    let rows = ndarray::arr2(&[[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.2, 0.2, 0.6]]);
    let three = Probabilities::new(rows, vec![0, 1, 2]).unwrap();
    assert!((three.brier() - 0.1466666666666666).abs() < 1e-15);
}
