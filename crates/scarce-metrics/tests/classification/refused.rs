//! Input that can't be scored names its fault.

use ndarray::arr2;
use scarce_metrics::classification::{
    ClassificationRecord, ClassificationTable, ConfusionMatrix, Probabilities, RankedScores,
    ScoreKind, class_names_in,
};

use super::{names, record};

fn refused(classes: &[&str], records: Vec<ClassificationRecord>, kind: ScoreKind, said: &str) {
    let error = ClassificationTable::new(names(classes), records, kind).unwrap_err();
    assert_eq!(error.to_string(), said);
}

#[test]
fn tables_that_cannot_be() {
    let two = ["a", "b"];
    let p = ScoreKind::Probabilities;
    let scored = |id, scores: &[f64]| record(id, "a", None, Some(scores.to_vec()));
    let called = |id| record(id, "a", Some("b"), None);
    for (classes, records, kind, said) in [
        (&two[..], vec![], p, "no cases"),
        (
            &["a"],
            vec![called(0)],
            p,
            "at least two classes are needed, got 1",
        ),
        (
            &["a", "b", "a"],
            vec![called(0)],
            p,
            "two classes are called \"a\"",
        ),
        (
            &two,
            vec![called(1), called(0), called(1)],
            p,
            "two cases are called \"case-001\"",
        ),
        (
            &["b", "c"],
            vec![called(0)],
            p,
            "case \"case-000\": reference class \"a\" is none of b, c",
        ),
        (
            &["a", "c"],
            vec![called(0)],
            p,
            "case \"case-000\": predicted class \"b\" is none of a, c",
        ),
        (
            &two,
            vec![record(0, "a", None, None)],
            p,
            "case \"case-000\" has neither a predicted class nor scores",
        ),
        (
            &two,
            vec![called(0), scored(1, &[0.5])],
            p,
            "case \"case-001\" has no predicted, case \"case-000\" has: all or none must",
        ),
        (
            &two,
            vec![scored(0, &[0.5]), scored(1, &[0.5, 0.5])],
            p,
            "case \"case-000\": expected 2 scores, got 1",
        ),
        (
            &["a", "b", "c"],
            vec![scored(0, &[0.5])],
            p,
            "case \"case-000\": expected 3 scores, got 1",
        ),
        (
            &two,
            vec![scored(0, &[f64::NAN])],
            p,
            "case \"case-000\": score 0 is NaN, expected a finite value",
        ),
        (
            &two,
            vec![scored(0, &[0.5, f64::INFINITY])],
            ScoreKind::Ranking,
            "case \"case-000\": score 1 is inf, expected a finite value",
        ),
        (
            &two,
            vec![scored(0, &[1.5])],
            p,
            "case \"case-000\": probability 0 is -0.5, expected 0 to 1",
        ),
        (
            &two,
            vec![scored(0, &[0.5, 0.4])],
            p,
            "case \"case-000\": probabilities sum to 0.9, expected 1 within 1e-5",
        ),
    ] {
        refused(classes, records, kind, said);
    }
}

#[test]
fn parts_check_too() {
    for (got, said) in [
        (
            RankedScores::new(&[true], &[]).err(),
            "scores: expected 1, got 0",
        ),
        (RankedScores::new(&[], &[]).err(), "no cases"),
        (
            RankedScores::new(&[true, false], &[0.1, f64::NAN]).err(),
            "case 1: score 0 is NaN, expected a finite value",
        ),
        (
            RankedScores::new(&[true, false], &[f64::NEG_INFINITY, 0.0]).err(),
            "case 0: score 0 is -inf, expected a finite value",
        ),
        (
            Probabilities::new(arr2(&[[0.5, 0.5]]), vec![2]).err(),
            "case 0 (from 0): reference class 2, expected below 2",
        ),
        (
            Probabilities::new(arr2(&[[0.5, 0.5]]), vec![]).err(),
            "reference classes: expected 1, got 0",
        ),
        (
            Probabilities::new(arr2(&[[0.5, 0.6]]), vec![0]).err(),
            "case 0: probabilities sum to 1.1, expected 1 within 1e-5",
        ),
        (
            Probabilities::new(arr2(&[[1.0]]), vec![0]).err(),
            "at least two classes are needed, got 1",
        ),
        (
            Probabilities::binary(&[true], &[0.5, 0.5]).err(),
            "reference classes: expected 2, got 1",
        ),
        (Probabilities::binary(&[], &[]).err(), "no cases"),
    ] {
        assert_eq!(got.unwrap().to_string(), said);
    }
    for (got, said) in [
        (ConfusionMatrix::of(2, &[], &[]), "no cases"),
        (
            ConfusionMatrix::of(1, &[0], &[0]),
            "at least two classes are needed, got 1",
        ),
        (
            ConfusionMatrix::of(2, &[0, 1], &[0]),
            "predicted classes: expected 2, got 1",
        ),
        (
            ConfusionMatrix::of(2, &[0, 1], &[0, 2]),
            "case 1 (from 0): predicted class 2, expected below 2",
        ),
        (
            ConfusionMatrix::from_counts(2, vec![1, 2, 3]),
            "counts of the confusion matrix: expected 4, got 3",
        ),
        (ConfusionMatrix::from_counts(2, vec![0; 4]), "no cases"),
    ] {
        assert_eq!(got.unwrap_err().to_string(), said);
    }
    let certain = Probabilities::binary(&[true], &[1.0]).unwrap();
    let error = certain.expected_calibration_error(0).unwrap_err();
    assert_eq!(error.to_string(), "bins, at least: expected 1, got 0");
}

#[test]
fn records_are_json_and_name_their_classes() {
    let json =
        r#"[{"id": "x", "reference": "b", "predicted": "c"}, {"id": "w", "reference": "a"}]"#;
    let records: Vec<ClassificationRecord> = serde_json::from_str(json).unwrap();
    assert_eq!(class_names_in(&records), ["a", "b", "c"]);
    let wrong = r#"{"id": "x", "reference": "b", "score": [1]}"#;
    assert!(serde_json::from_str::<ClassificationRecord>(wrong).is_err());
}
