//! Cases as one report: what a mean leaves out and what it counts.

use scarce_image::Seed;
use scarce_metrics::report::EvaluationReport;
use scarce_metrics::{EmptyPolicy, SegmentationOptions, evaluate_case};

use super::{cube, mask};

#[test]
fn a_mean_counts_what_it_leaves_out() {
    let options = SegmentationOptions::default();
    let reference = mask([6; 3], [1.0; 3], |at| cube(at, [1; 3], [4; 3]));
    let shifted = mask([6; 3], [1.0; 3], |at| cube(at, [2, 1, 1], [5, 4, 4]));
    let nothing = mask([6; 3], [1.0; 3], |_| false);
    let cases = [("a", &reference), ("b", &shifted), ("c,d", &nothing)].map(|(id, p)| {
        (
            id.to_owned(),
            evaluate_case(p, &reference, &options).unwrap(),
        )
    });
    let report = EvaluationReport::from_cases(cases.to_vec(), &options, Seed(0));
    let hd95 = &report.mean["hd95"];
    assert_eq!((hd95.n, hd95.n_undefined, hd95.value), (2, 1, Some(0.5)));
    assert_eq!(report.mean["dice"].n, 3);
    let dice = &report.mean["dice"];
    assert!(dice.low < dice.value && dice.value < dice.high);
    assert!(
        report.definition["hd95"].contains("pooled, mm")
            && report.definition["hd95"].contains("undefined")
    );
    let csv = report.to_csv();
    assert!(
        csv.starts_with("id,asd,assd,boundary_iou,dice,") && csv.contains("\n\"c,d\",,,0,0,,"),
        "{csv}"
    );
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(
        serde_json::from_str::<EvaluationReport>(&json).unwrap(),
        report
    );
}

#[test]
fn one_case_has_no_interval_and_penalties_are_counted() {
    let options = SegmentationOptions::default().with_empty(EmptyPolicy::WorstCase);
    let reference = mask([6; 3], [1.0; 3], |at| cube(at, [1; 3], [4; 3]));
    let nothing = mask([6; 3], [1.0; 3], |_| false);
    let figures = evaluate_case(&nothing, &reference, &options).unwrap();
    let cases = vec![("a\r\"b".to_owned(), figures)];
    let report = EvaluationReport::from_cases(cases, &options, Seed(0));
    let hd95 = &report.mean["hd95"];
    assert_eq!((hd95.n, hd95.n_undefined, hd95.n_penalised), (1, 0, 1));
    assert_eq!((hd95.low, hd95.high), (None, None));
    let precision = &report.mean["precision"];
    assert_eq!((precision.value, precision.n_penalised), (Some(0.0), 1));
    assert!(
        report.to_csv().contains("\n\"a\r\"\"b\","),
        "{}",
        report.to_csv()
    );

    let options = SegmentationOptions::default();
    let figures = evaluate_case(&nothing, &reference, &options).unwrap();
    let undefined = EvaluationReport::from_cases(vec![(String::new(), figures)], &options, Seed(0));
    let precision = &undefined.mean["precision"];
    assert_eq!(
        (precision.value, precision.n, precision.n_undefined),
        (None, 0, 1)
    );

    let none = EvaluationReport::from_cases(Vec::new(), &options, Seed(0));
    assert!(none.mean.is_empty() && none.to_csv() == "id\n");
}
