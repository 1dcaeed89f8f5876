//! What must hold for any cases.

use ndarray::{Array2, Axis, Slice};
use proptest::prelude::*;
use scarce_metrics::classification::{ConfusionMatrix, Probabilities, RankedScores};

/// Reference and predicted classes of up to forty cases, of four classes.
fn classes() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0usize..4, 0usize..4), 1..40)
}

/// Scores of few values, so that many tie.
fn scored() -> impl Strategy<Value = Vec<(bool, i8)>> {
    prop::collection::vec((any::<bool>(), -6i8..6), 1..40)
}

fn matrix(cases: &[(usize, usize)]) -> ConfusionMatrix {
    let (reference, predicted): (Vec<usize>, Vec<usize>) = cases.iter().copied().unzip();
    ConfusionMatrix::of(4, &reference, &predicted).unwrap()
}

fn ranked(cases: &[(bool, i8)], score: impl Fn(i8) -> f64) -> RankedScores {
    let positive: Vec<bool> = cases.iter().map(|(p, _)| *p).collect();
    let scores: Vec<f64> = cases.iter().map(|(_, s)| score(*s)).collect();
    RankedScores::new(&positive, &scores).unwrap()
}

fn close(a: Result<f64, impl PartialEq>, b: Result<f64, impl PartialEq>) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => (a - b).abs() < 1e-12,
        (Err(_), Err(_)) => true,
        _ => false,
    }
}

proptest! {
    #[test]
    fn figures_of_classes_have_bounds(cases in classes()) {
        let matrix = matrix(&cases);
        prop_assert_eq!(matrix.n_cases(), cases.len() as u64);
        let mut shares = vec![matrix.accuracy(), matrix.f1_macro(), matrix.f1_weighted()];
        shares.extend(matrix.balanced_accuracy());
        for class in 0..4 {
            shares.extend([matrix.sensitivity(class), matrix.specificity(class)].into_iter().flatten());
            shares.extend([matrix.precision(class), matrix.f1(class)].into_iter().flatten());
        }
        for share in shares {
            prop_assert!((0.0..=1.0).contains(&share), "{share}");
        }
        let correlations = [matrix.matthews(), matrix.cohen_kappa(), matrix.quadratic_weighted_kappa()];
        for value in correlations.into_iter().flatten() {
            prop_assert!((-1.0 - 1e-12..=1.0 + 1e-12).contains(&value), "{value}");
        }
        let agreed: Vec<_> = cases.iter().map(|(r, _)| (*r, *r)).collect();
        prop_assert!(super::properties::matrix(&agreed).accuracy() == 1.0);
    }

    #[test]
    fn names_of_classes_do_not_matter(cases in classes(), shift in 1usize..4) {
        let renamed: Vec<_> = cases.iter().map(|(r, p)| ((r + shift) % 4, (p + shift) % 4)).collect();
        let (a, b) = (matrix(&cases), matrix(&renamed));
        prop_assert!((a.f1_macro() - b.f1_macro()).abs() < 1e-12);
        prop_assert!(close(a.matthews(), b.matthews()));
        prop_assert!(close(a.cohen_kappa(), b.cohen_kappa()));
        prop_assert!(close(a.balanced_accuracy(), b.balanced_accuracy()));
        for class in 0..4 {
            prop_assert!(close(a.f1(class), b.f1((class + shift) % 4)));
        }
        // Grades count from either end.
        let reversed: Vec<_> = cases.iter().map(|(r, p)| (3 - r, 3 - p)).collect();
        prop_assert!(close(a.quadratic_weighted_kappa(), matrix(&reversed).quadratic_weighted_kappa()));
    }

    #[test]
    fn a_ranking_is_what_counts(cases in scored(), seed in 0usize..40) {
        let straight = ranked(&cases, f64::from);
        // A monotone transformation, with −0 for 0.
        let curved = ranked(&cases, |s| if s == 0 { -0.0 } else { f64::from(s).powi(3) * 1e200 });
        prop_assert_eq!(&straight.roc_auc(), &curved.roc_auc());
        prop_assert_eq!(&straight.average_precision(), &curved.average_precision());
        let mut turned = cases.clone();
        turned.rotate_left(seed % cases.len());
        prop_assert_eq!(&straight.roc_auc(), &ranked(&turned, f64::from).roc_auc());
        // Upside down, pairs lose what they won.
        let down = ranked(&cases, |s| -f64::from(s));
        prop_assert!(close(straight.roc_auc(), down.roc_auc().map(|a| 1.0 - a)));
        // Pair by pair, as it is defined.
        let (mut won, mut pairs) = (0.0, 0.0);
        for (_, p) in cases.iter().filter(|(positive, _)| *positive) {
            for (_, n) in cases.iter().filter(|(positive, _)| !*positive) {
                pairs += 1.0;
                won += 0.5 * f64::from(1 + p.cmp(n) as i8);
            }
        }
        if pairs > 0.0 {
            prop_assert!((straight.roc_auc().unwrap() - won / pairs).abs() < 1e-12);
            let ap = straight.average_precision().unwrap();
            prop_assert!(ap > 0.0 && ap <= 1.0);
        }
    }

    #[test]
    fn memory_order_does_not_matter(first in prop::collection::vec(0.0f64..=1.0, 2..9)) {
        let n = first.len();
        let values = Array2::from_shape_fn((n, 2), |(i, k)| if k == 0 { first[i] } else { 1.0 - first[i] });
        let reference: Vec<usize> = (0..n).map(|i| i % 2).collect();
        let plain = Probabilities::new(values.clone(), reference.clone()).unwrap();
        // Columns first, and the inside of something larger.
        let columns = values.t().as_standard_layout().into_owned().reversed_axes();
        prop_assert_eq!(&Probabilities::new(columns, reference.clone()).unwrap(), &plain);
        let mut larger = Array2::zeros((n + 3, 2));
        larger.slice_axis_mut(Axis(0), Slice::from(1..n + 1)).assign(&values);
        larger.slice_axis_inplace(Axis(0), Slice::from(1..n + 1));
        prop_assert_eq!(&Probabilities::new(larger, reference).unwrap(), &plain);
    }

    #[test]
    fn scores_of_probabilities_have_bounds(cases in prop::collection::vec((any::<bool>(), 0.0f64..=1.0), 1..30), bins in 1usize..20) {
        let (positive, p): (Vec<bool>, Vec<f64>) = cases.iter().copied().unzip();
        let probabilities = Probabilities::binary(&positive, &p).unwrap();
        let squares = cases.iter().map(|(y, p)| (p - f64::from(u8::from(*y))).powi(2)).sum::<f64>();
        prop_assert!((probabilities.brier() - squares / cases.len() as f64).abs() < 1e-12);
        let error = probabilities.expected_calibration_error(bins).unwrap();
        prop_assert!((0.0..=1.0).contains(&error));
    }
}
