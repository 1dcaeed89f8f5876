//! Digits and spreads against the number of cases.

use super::{Figure, Finding, Metric, Row, Rule};

pub(super) fn check(row: &Row<'_>, findings: &mut Vec<Finding>) {
    for figure in row.figures() {
        if let (Metric::Accuracy, Some(n)) = (figure.column.metric, row.printed.n_cases) {
            share_of_cases(row, figure, n, findings);
        }
        spread(row, figure, findings);
        standard_error(row, figure, findings);
    }
}

/// The accuracy of n cases is k/n.
fn share_of_cases(row: &Row<'_>, figure: Figure<'_>, n: usize, findings: &mut Vec<Finding>) {
    let share = |k: f64| k / n as f64;
    let below = (figure.mean.high().min(1.0) * n as f64 + 1e-9).floor();
    if n == 0
        || share(below) >= figure.mean.low() - 1e-12
        || !(0.0..=1.0).contains(&figure.mean.value)
    {
        return;
    }
    let nearest = share((figure.mean.value * n as f64).round());
    findings.push(
        row.finding(Rule::NoShareOfCases, figure, &[], nearest, |shown| {
            format!("is no share of {n} cases: the nearest is {shown}")
        }),
    );
}

/// Values within 0 and 1 spread most where each is 0 or 1.
fn spread(row: &Row<'_>, figure: Figure<'_>, findings: &mut Vec<Finding>) {
    let Some(deviation) = figure.cell.deviation else {
        return;
    };
    if !figure.column.metric.is_share() || figure.surely_above(1.0) || figure.surely_below(0.0) {
        return;
    }
    // Two cases make the largest n/(n−1).
    let n = row.printed.n_cases.unwrap_or(2).max(2) as f64;
    let largest = |mean: f64| (mean * (1.0 - mean) * n / (n - 1.0)).max(0.0).sqrt();
    let (low, high) = (figure.mean.low().max(0.0), figure.mean.high().min(1.0));
    let most = largest(0.5f64.clamp(low, high));
    let scale = figure.column.scale.factor();
    if deviation.low() * scale > most + 1e-12 {
        let bound = largest(figure.mean.value);
        findings.push(
            row.finding(Rule::SpreadBeyondRange, figure, &[], bound, |shown| {
                format!(
                    "with standard deviation {}: no values in the range spread more than {shown}",
                    deviation.value
                )
            }),
        );
    }
}

/// Two significant digits of the standard error are what a mean can carry.
fn standard_error(row: &Row<'_>, figure: Figure<'_>, findings: &mut Vec<Finding>) {
    let (Some(deviation), Some(n)) = (figure.cell.deviation, row.printed.n_cases) else {
        return;
    };
    let error = deviation.value / (n as f64).sqrt();
    if n < 2 || error <= 0.0 {
        return;
    }
    let finest = 10f64.powf(error.log10().floor() - 1.0);
    if figure.cell.mean.unit < 0.5 * finest {
        let bound = finest * figure.column.scale.factor();
        findings.push(row.finding(Rule::DigitsBeyondError, figure, &[], bound, |_| {
            format!("has digits finer than {finest}, what a standard error of {error:.2} over {n} cases supports")
        }));
    }
}
