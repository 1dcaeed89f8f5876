//! Surface distances against each other.

use super::{Finding, Metric, Row, Rule};

pub(super) fn check(row: &Row<'_>, findings: &mut Vec<Finding>) {
    for (smaller, larger, rule, why) in [
        (
            Metric::Hd95,
            Metric::Hausdorff,
            Rule::AboveHausdorff,
            "impossible, a percentile being at most the maximum",
        ),
        (
            Metric::Asd,
            Metric::Hausdorff,
            Rule::AboveHausdorff,
            "impossible, a mean being at most the maximum",
        ),
        (
            Metric::Assd,
            Metric::Hausdorff,
            Rule::AboveHausdorff,
            "impossible, a mean being at most the maximum",
        ),
        (
            Metric::Asd,
            Metric::Hd95,
            Rule::AsdAboveHd95,
            "possible only if less than a twentieth of the surface lies far off",
        ),
        (
            Metric::Assd,
            Metric::Hd95,
            Rule::AsdAboveHd95,
            "possible only if less than a twentieth of the surface lies far off",
        ),
    ] {
        let (Some(small), Some(large)) = (row.figure(smaller), row.figure(larger)) else {
            continue;
        };
        if small.column.scale != large.column.scale || !small.surely_above(large.mean.high()) {
            continue;
        }
        let bound = large.mean.value;
        findings.push(row.finding(rule, small, &[large], bound, |_| {
            format!("is above mean {}: {why}", large.shown())
        }));
    }
}
