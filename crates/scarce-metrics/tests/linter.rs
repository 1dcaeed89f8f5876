//! The linter over published tables, and each rule at its bound.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;
use scarce_metrics::linter::{
    Column, Finding, LintError, Metric, ResultsRow, ResultsTable, Rule, Scale, Severity, lint,
};

/// Rows of `name figure/figure/...`.
fn findings(headings: &[&str], rows: &[&str]) -> Vec<Finding> {
    let cells: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| {
            let (name, figures) = row.rsplit_once(' ').unwrap();
            std::iter::once(name).chain(figures.split('/')).collect()
        })
        .collect();
    lint(&ResultsTable::from_cells(headings, &cells).unwrap())
}

/// Table I of CORN (arXiv:2410.15916) by methods and labelled volumes: Dice and Jaccard in percent,
/// 95HD and ASD in voxels.
const CORN: [&str; 22] = [
    "V-Net, 4 43.32/31.43/40.91/12.13",
    "V-Net, 8 79.87/67.60/26.65/7.94",
    "V-Net, 16 85.94/75.99/16.70/4.80",
    "V-Net, 80 90.98/83.61/8.58/2.10",
    "DTC, 4 80.14/67.88/24.08/7.18",
    "DTC, 8 84.55/73.91/13.80/3.69",
    "DTC, 16 87.79/78.52/10.29/2.50",
    "SS-Net, 4 83.33/71.79/15.70/4.33",
    "SS-Net, 8 86.56/76.61/12.76/3.02",
    "SS-Net, 16 88.19/79.21/8.12/2.20",
    "MC-Net+, 4 83.23/71.70/14.92/3.43",
    "MC-Net+, 8 87.68/78.27/10.35/1.85",
    "MC-Net+, 16 90.60/82.93/6.27/1.58",
    "CE-MT, 4 -/-/-/-",
    "CE-MT, 8 87.34/77.91/8.79/2.12",
    "CE-MT, 16 89.67/80.53/7.21/1.99",
    "CAML, 4 86.78/75.97/10.34/2.89",
    "CAML, 8 89.33/80.17/8.82/2.08",
    "CAML, 16 90.37/82.56/5.64/1.72",
    "CORN, 4 88.23/79.12/9.51/1.73",
    "CORN, 8 89.70/81.45/7.26/1.62",
    "CORN, 16 91.22/83.96/5.34/1.54",
];

const HEADINGS: [&str; 5] = [
    "method",
    "Dice (%)",
    "Jaccard (%)",
    "95HD (voxel)",
    "ASD (voxel)",
];

#[test]
fn three_rows_of_corns_table_cannot_be() {
    let found = findings(&HEADINGS, &CORN);
    let rows: Vec<(&str, Rule)> = found.iter().map(|f| (f.row.as_str(), f.rule)).collect();
    assert_eq!(
        rows,
        [
            ("CE-MT, 16", Rule::JaccardBelowDice),
            ("CAML, 4", Rule::JaccardBelowDice),
            ("CAML, 8", Rule::JaccardBelowDice),
        ]
    );
    for (finding, (printed, bound)) in
        found
            .iter()
            .zip([(80.53, 81.27), (75.97, 76.65), (80.17, 80.72)])
    {
        assert_eq!(finding.severity, Severity::Impossible);
        assert_eq!(finding.columns, ["Jaccard (%)", "Dice (%)"]);
        assert_eq!(finding.printed, printed);
        assert!((finding.bound - bound).abs() < 0.005, "{finding:?}");
        assert!(finding.message.contains(&format!("{bound}")), "{finding}");
    }
    let json = serde_json::to_string(&found[0]).unwrap();
    assert!(
        json.contains(r#""rule":"jaccard-below-dice","severity":"impossible""#),
        "{json}"
    );
}

/// CORN's Table II; the tables of DTC's read-me file and of a later paper's (DTC's order is ASD, 95HD); the files
/// of figures that MC-Net+ and SS-Net ship.
#[test]
fn other_published_tables_pass() {
    for (headings, rows) in [
        (
            &HEADINGS[..],
            &[
                "baseline, 4 74.79/61.91/22.93/7.01",
                "CCM, 4 87.67/78.24/10.23/1.83",
                "DFP, 4 87.74/78.33/10.82/1.95",
                "both, 4 88.23/79.12/9.51/1.73",
                "baseline, 8 79.75/68.82/15.74/4.27",
                "CCM, 8 89.79/81.62/7.41/1.73",
                "DFP, 8 89.64/81.42/7.57/1.78",
                "both, 8 89.70/81.45/7.26/1.62",
                "baseline, 16 86.50/77.50/10.90/2.91",
                "CCM, 16 90.91/83.47/5.73/1.51",
                "DFP, 16 89.98/82.56/5.94/1.59",
                "both, 16 91.22/83.96/5.34/1.54",
                "UA-MT, 8 85.81/75.41/18.25/5.04",
                "SASSNet, 8 85.71/75.35/14.74/4.00",
                "DTC, 8 84.55/73.91/13.80/3.69",
                "MC-Net, 8 86.87/78.49/11.17/2.18",
                "URPC, 8 83.37/71.99/17.91/4.41",
                "SS-Net, 8 86.56/76.61/12.76/3.02",
                "MC-Net+, 8 87.68/78.27/10.35/1.85",
                "DMD, 8 89.70/81.42/6.88/1.78",
                "BCP, 8 89.55/81.22/7.10/1.69",
                "UniMatch, 8 89.09/80.47/12.50/3.59",
                "CAML, 8 89.62/81.28/8.76/2.02",
                "CompNet, 8 90.50/82.71/5.97/2.02",
                "UA-MT, 16 88.18/79.09/9.66/2.62",
                "SASSNet, 16 88.11/79.08/12.31/3.27",
                "DTC, 16 87.79/78.52/10.29/2.50",
                "MC-Net, 16 90.43/82.69/6.52/1.66",
                "URPC, 16 87.68/78.36/14.39/3.52",
                "SS-Net, 16 88.19/79.21/8.12/2.20",
                "MC-Net+, 16 90.60/82.93/6.27/1.58",
                "DMD, 16 90.46/82.66/6.39/1.62",
                "BCP, 16 90.18/82.36/6.64/1.61",
                "UniMatch, 16 90.77/83.18/7.21/2.05",
                "CAML, 16 90.78/83.19/6.11/1.68",
                "CompNet, 16 91.41/84.25/5.19/1.92",
            ][..],
        ),
        (
            &["method", "Dice", "Jaccard", "ASD", "95HD"],
            &[
                "UA-MT, 16 88.88/80.21/2.26/7.32",
                "SASSNet, 16 89.54/81.24/2.20/8.24",
                "DTC, 16 89.42/80.98/2.10/7.32",
                "LG-ER-MT, 16 89.62/81.31/2.06/7.16",
                "DUWM, 16 89.65/81.35/2.03/7.04",
                "MC-Net, 16 90.34/82.48/1.77/6.00",
                "UA-MT, 8 84.25/73.48/3.36/13.84",
                "SASSNet, 8 87.32/77.72/2.55/9.62",
                "DTC, 8 87.51/78.17/2.36/8.23",
                "LG-ER-MT, 8 85.54/75.12/3.77/13.29",
                "DUWM, 8 85.91/75.75/3.31/12.67",
                "MC-Net, 8 87.71/78.31/2.18/9.36",
                "TraCoCo, 16 90.94/83.47/1.79/5.49",
            ],
        ),
        (
            &["method", "dice", "jaccard", "hd95", "asd"],
            &[
                "MC-Net+, 8 0.88959/0.80253/7.9296/1.8552",
                "MC-Net+, 16 0.91066/0.83668/5.8359/1.6715",
                "SS-Net, 4 0.86333/0.76147/9.9660/2.3068",
                "SS-Net, 8 0.88554/0.79621/7.4867/1.9048",
            ],
        ),
    ] {
        assert_eq!(findings(headings, rows), []);
    }
}

/// What is found first in one row, if anything.
fn check(headings: &[&str], row: &str, expected: Option<Rule>) {
    let found = findings(headings, &[row]);
    let rules: Vec<Rule> = found.iter().map(|f| f.rule).collect();
    // The ASD above the Hausdorff distance is above HD95 too.
    assert_eq!(
        rules.first(),
        expected.as_ref(),
        "{headings:?} {row}: {found:?}"
    );
    assert!(
        rules.iter().skip(1).all(|rule| *rule == Rule::AsdAboveHd95),
        "{found:?}"
    );
    for finding in found {
        let doubtful = matches!(finding.rule, Rule::AsdAboveHd95 | Rule::DigitsBeyondError);
        assert_eq!(finding.severity == Severity::Doubtful, doubtful);
        assert!(finding.to_string().starts_with("a: mean "), "{finding}");
    }
}

#[test]
fn overlaps_have_their_bounds() {
    let overlaps = ["method", "Dice", "Jaccard", "Precision", "Recall"];
    for (headings, row, expected) in [
        // D/(2−D) of 80.0 is 66.67: rounding and cutting leave 66.6, a unit further nothing does.
        (&["m", "Dice", "Jaccard"][..], "a 80.0/66.6", None),
        (
            &["m", "Dice", "Jaccard"],
            "a 80.0/66.4",
            Some(Rule::JaccardBelowDice),
        ),
        (&["m", "Dice", "Jaccard"], "a 0.80/0.66", None),
        (
            &["m", "Dice", "Jaccard"],
            "a 0.80/0.64",
            Some(Rule::JaccardBelowDice),
        ),
        (&["m", "Dice", "Jaccard"], "a 80.0/80.1", None),
        (
            &["m", "Dice", "Jaccard"],
            "a 80.0/80.2",
            Some(Rule::JaccardAboveDice),
        ),
        (&["m", "Dice", "Jaccard"], "a 100/100", None),
        (&["m", "Dice", "Jaccard"], "a 0/0", None),
        // Percent beside fraction.
        (&["m", "Dice (%)", "Jaccard"], "a 80.00/0.6667", None),
        (
            &["m", "Dice (%)", "Jaccard"],
            "a 80.00/0.6600",
            Some(Rule::JaccardBelowDice),
        ),
        // Other structures are other things.
        (&["m", "LV Dice", "RV Jaccard"], "a 80.00/20.00", None),
        (
            &["m", "LV Dice", "Jaccard LV"],
            "a 80.00/20.00",
            Some(Rule::JaccardBelowDice),
        ),
        // Harmonic mean of 90 and 60 is 72.
        (&overlaps, "a 72.0/60.0/90.0/60.0", None),
        (
            &overlaps,
            "a 73.0/60.0/90.0/60.0",
            Some(Rule::DiceAboveHarmonicMean),
        ),
        (
            &overlaps,
            "a 69.0/60.3/90.0/60.0",
            Some(Rule::JaccardAboveShare),
        ),
    ] {
        check(headings, row, expected);
    }
}

#[test]
fn ranges_distances_and_digits_have_their_bounds() {
    let distances = ["method", "HD (mm)", "HD95 (mm)", "ASD (mm)", "ASSD (mm)"];
    for (headings, row, expected) in [
        (&["m", "Dice (%)"][..], "a 100.0", None),
        (&["m", "Dice (%)"], "a 100.2", Some(Rule::OutOfRange)),
        (&["m", "Dice (%)"], "a -0.2", Some(Rule::OutOfRange)),
        (&["m", "HD95 (mm)"], "a 812.5", None),
        (&["m", "HD95 (mm)"], "a -1.0", Some(Rule::OutOfRange)),
        (&distances, "a 9.00/3.00/1.00/1.20", None),
        (
            &distances,
            "a 2.90/3.00/1.00/1.20",
            Some(Rule::AboveHausdorff),
        ),
        (
            &distances,
            "a 9.00/3.00/9.10/1.20",
            Some(Rule::AboveHausdorff),
        ),
        (
            &["m", "HD95 (mm)", "ASD (mm)"],
            "a 1.00/1.20",
            Some(Rule::AsdAboveHd95),
        ),
        (&["m", "HD95 (mm)", "ASD (voxel)"], "a 1.00/1.20", None),
        // 17/20 and 18/20 are 85 and 90 %.
        (&["m", "Accuracy", "n"], "a 85.0/20", None),
        (
            &["m", "Accuracy", "n"],
            "a 87.3/20",
            Some(Rule::NoShareOfCases),
        ),
        (&["m", "Accuracy", "n"], "a 0.33/3", None),
        (&["m", "Accuracy", "n"], "a 0.66/3", None),
        (&["m", "Accuracy", "n"], "a 0.67/3", None),
        (
            &["m", "Accuracy", "n"],
            "a 0.65/3",
            Some(Rule::NoShareOfCases),
        ),
        (&["m", "Accuracy"], "a 87.3", None),
        (&["m", "Dice", "n"], "a 87.31/20", None),
        // √(0.95 · 0.05 · 20/19) is 22.4 %.
        (&["m", "Dice", "n"], "a 95±22/20", None),
        (
            &["m", "Dice", "n"],
            "a 95±30/20",
            Some(Rule::SpreadBeyondRange),
        ),
        (&["m", "Dice"], "a 95±30", None),
        (&["m", "Dice"], "a 95±33", Some(Rule::SpreadBeyondRange)),
        // 14/√20 is 3.1: tenths, no more. 3/√20 is 0.67: hundredths will do.
        (&["m", "Dice (%)", "n"], "a 86.7±14.0/20", None),
        (
            &["m", "Dice (%)", "n"],
            "a 86.78±14.02/20",
            Some(Rule::DigitsBeyondError),
        ),
        (&["m", "Dice (%)", "n"], "a 86.78±3.02/20", None),
    ] {
        check(headings, row, expected);
    }
}

#[test]
fn tables_that_cannot_be_read_say_where() {
    let read =
        |headings: &[&str], row: &[&str]| ResultsTable::from_cells(headings, &[row]).unwrap_err();
    for (error, said) in [
        (
            read(&["m", "Dice"], &["a"]),
            "row \"a\": expected 2 cells, got 1",
        ),
        (
            read(&["m", "Dice"], &["a", "86,78"]),
            "row \"a\", column \"Dice\": expected a number as 86.78 or 86.78 ± 3.10, got \"86,78\"",
        ),
        (
            read(&["m", "Dice", "n"], &["a", "86.78", "many"]),
            "row \"a\", column \"n\": expected a number as 86.78 or 86.78 ± 3.10, got \"many\"",
        ),
        (
            read(&["m", "Dice", "DSC (%)"], &["a", "1", "2"]),
            "columns \"Dice\" and \"DSC (%)\" are the same metric of the same thing",
        ),
        (
            read(&["m", "speed"], &["a", "1"]),
            "no column is a known metric: [\"m\", \"speed\"]",
        ),
    ] {
        assert_eq!(error.to_string(), said);
    }
    let column = Column {
        heading: "Dice".to_owned(),
        metric: Metric::Dice,
        scale: Scale::Fraction,
        about: String::new(),
    };
    let row = ResultsRow {
        name: "a".to_owned(),
        n_cases: None,
        cells: Vec::new(),
    };
    assert!(matches!(
        ResultsTable::new(vec![column], vec![row]),
        Err(LintError::CellCount {
            expected: 1,
            got: 0,
            ..
        })
    ));
    assert!(matches!(
        ResultsTable::new(vec![], vec![]),
        Err(LintError::NoMetric { .. })
    ));
}

proptest! {
    /// Means over any cases, rounded or cut off at any digit, are never called impossible.
    #[test]
    fn real_means_pass(
        counts in prop::collection::vec((0u32..50, 0u32..50, 0u32..50), 1..30),
        decimals in 0usize..4,
        cut in any::<bool>(),
    ) {
        let (mut sums, mut n) = ([0.0; 4], 0.0);
        for (both, a, b) in counts {
            let (both, a, b) = (f64::from(both), f64::from(both + a), f64::from(both + b));
            if a == 0.0 || b == 0.0 {
                continue;
            }
            n += 1.0;
            for (sum, value) in sums.iter_mut().zip([2.0 * both / (a + b), both / (a + b - both), both / a, both / b]) {
                *sum += value;
            }
        }
        prop_assume!(n > 0.0);
        let printed = sums.map(|sum| {
            let percent = 100.0 * sum / n;
            let scale = 10f64.powi(decimals as i32);
            let kept = if cut { (percent * scale).floor() } else { (percent * scale).round() };
            format!("{:.decimals$}", kept / scale)
        });
        let headings = ["m", "Dice (%)", "Jaccard (%)", "Precision (%)", "Recall (%)"];
        let found = findings(&headings, &[&format!("a {}", printed.join("/"))]);
        prop_assert!(found.is_empty(), "{found:?}");
    }
}
