//! Shares and distances within their range.

use super::{Finding, Row, Rule};

pub(super) fn check(row: &Row<'_>, findings: &mut Vec<Finding>) {
    for figure in row.figures() {
        let share = figure.column.metric.is_share();
        let (bound, said) = if share && figure.surely_above(1.0) {
            (1.0, "is above")
        } else if figure.surely_below(0.0) {
            (0.0, "is below")
        } else {
            continue;
        };
        let kind = if share { "share" } else { "distance" };
        findings.push(row.finding(Rule::OutOfRange, figure, &[], bound, |shown| {
            format!("{said} {shown}: no {kind} is")
        }));
    }
}
