//! Overlaps against each other.

use super::{Figure, Finding, Metric, Row, Rule};

pub(super) fn check(row: &Row<'_>, findings: &mut Vec<Finding>) {
    let of = |metric| row.figure(metric);
    let (dice, jaccard) = (of(Metric::Dice), of(Metric::Jaccard));
    let (precision, recall) = (of(Metric::Precision), of(Metric::Recall));
    if let (Some(dice), Some(jaccard)) = (dice, jaccard) {
        dice_and_jaccard(row, dice, jaccard, findings);
    }
    if let (Some(dice), Some(precision), Some(recall)) = (dice, precision, recall) {
        let bound = harmonic(precision.mean.value, recall.mean.value);
        if dice.surely_above(harmonic(precision.mean.high(), recall.mean.high())) {
            let others = [precision, recall];
            findings.push(row.finding(Rule::DiceAboveHarmonicMean, dice, &others, bound, |shown| {
                format!(
                    "is above {shown}, the harmonic mean of {} and {}: impossible for means over the same cases",
                    precision.shown(),
                    recall.shown()
                )
            }));
        }
    }
    for share in [precision, recall].into_iter().flatten() {
        let Some(jaccard) = jaccard else { continue };
        if jaccard.surely_above(share.mean.high()) {
            let bound = share.mean.value;
            findings.push(
                row.finding(Rule::JaccardAboveShare, jaccard, &[share], bound, |_| {
                    format!("is above {}: impossible, no case's is", share.shown())
                }),
            );
        }
    }
}

fn dice_and_jaccard(
    row: &Row<'_>,
    dice: Figure<'_>,
    jaccard: Figure<'_>,
    findings: &mut Vec<Finding>,
) {
    if jaccard.surely_below(jaccard_of(dice.mean.low())) {
        let bound = jaccard_of(dice.mean.value);
        findings.push(row.finding(Rule::JaccardBelowDice, jaccard, &[dice], bound, |shown| {
            format!(
                "is below {shown} = D/(2−D) of mean {}: impossible for means over the same cases, J being a \
                 convex function of D",
                dice.shown()
            )
        }));
    }
    if jaccard.surely_above(dice.mean.high()) {
        let bound = dice.mean.value;
        findings.push(
            row.finding(Rule::JaccardAboveDice, jaccard, &[dice], bound, |_| {
                format!("is above mean {}: impossible, no case's is", dice.shown())
            }),
        );
    }
}

/// Rises from 0 at 0 to 1 at 1.
fn jaccard_of(dice: f64) -> f64 {
    let dice = dice.clamp(0.0, 1.0);
    dice / (2.0 - dice)
}

fn harmonic(a: f64, b: f64) -> f64 {
    let (a, b) = (a.clamp(0.0, 1.0), b.clamp(0.0, 1.0));
    if a + b > 0.0 {
        2.0 * a * b / (a + b)
    } else {
        0.0
    }
}
