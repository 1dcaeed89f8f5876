//! One visible and one hidden cell, or the reason why not.

use ndarray::Dimension;
use rand::Rng;

use super::Choice;
use crate::{Guard, Guide, MaskConfig, MaskError, Policy};

/// Treats a choice of all cells or none as the configuration's guard says.
pub(super) fn apply<D: Dimension>(
    choice: &mut Choice,
    guide: &Guide<'_, D>,
    config: &MaskConfig,
    rng: &mut impl Rng,
) -> Result<(), MaskError> {
    let cells = choice.hidden.len();
    let hidden = choice.hidden.iter().filter(|v| **v).count();
    if hidden > 0 && hidden < cells {
        return Ok(());
    }
    let refuse = match config.guard {
        Guard::Allow => {
            let told = format!("{hidden} of {cells} cells are hidden");
            choice.warnings.push(told);
            return Ok(());
        }
        Guard::Refuse => true,
        Guard::KeepOne => cells == 1 || asks_for_all_or_nothing(&config.policy),
    };
    if refuse {
        return Err(MaskError::Degenerate { hidden, cells });
    }
    // A mask must hide something that matters, and is to show something that doesn't.
    let wanted = hidden == 0;
    let preferred: Vec<usize> = (0..)
        .zip(guide.region().cells())
        .filter(|(_, inside)| **inside == wanted)
        .map(|(cell, _)| cell)
        .collect();
    let cell = if preferred.is_empty() {
        rng.random_range(0..cells)
    } else {
        preferred[rng.random_range(0..preferred.len())]
    };
    choice.hidden[cell] = wanted;
    choice.warnings.push(format!(
        "{hidden} of {cells} cells would be hidden: one is {} against the count",
        if wanted { "hidden" } else { "visible" }
    ));
    Ok(())
}

/// Whether a policy leaves no image a visible cell, or none a hidden one.
fn asks_for_all_or_nothing(policy: &Policy) -> bool {
    let all = |shares: &[f64]| shares.iter().all(|s| *s == 0.0) || shares.iter().all(|s| *s == 1.0);
    match policy {
        Policy::Region { high, low } => all(&[*high, *low]),
        Policy::Graded { ratios } => all(ratios),
        Policy::Random { ratio }
        | Policy::Block { ratio, .. }
        | Policy::RegionBudget { ratio, .. }
        | Policy::Heat { ratio, .. }
        | Policy::SemParts { ratio, .. }
        | Policy::LossGuided { ratio, .. }
        | Policy::Attention { ratio, .. } => all(&[*ratio]),
    }
}
