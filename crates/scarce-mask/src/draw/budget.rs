//! Two shares, of the region and of the rest: given, or solved for a share of all cells.

use ndarray::Dimension;
use rand::Rng;

use super::{Asked, Choice, strata};
use crate::{Guide, RegionGrid, Rounding};

/// Hides `high` of the region and `low` of the rest.
pub(super) fn of_each<D: Dimension>(
    guide: &Guide<'_, D>,
    [high, low]: [f64; 2],
    rounding: Rounding,
    rng: &mut impl Rng,
) -> Choice {
    let [region, background] = sides(guide.region());
    let cells = region.len() + background.len();
    let asked = Asked {
        overall: (high * region.len() as f64 + low * background.len() as f64) / cells as f64,
        region: Some(high),
        background: Some(low),
    };
    let counts = [
        rounding.hidden(region.len(), high),
        rounding.hidden(background.len(), low),
    ];
    let warnings = without_region(guide.region(), region.len());
    let hidden = strata(cells, [(region, counts[0]), (background, counts[1])], rng);
    Choice {
        hidden,
        asked,
        warnings,
    }
}

/// Hides `ratio` of all cells, the region's share higher than the rest's by `contrast` as far as that
/// is possible.
pub(super) fn of_all<D: Dimension>(
    guide: &Guide<'_, D>,
    ratio: f64,
    contrast: f64,
    rounding: Rounding,
    rng: &mut impl Rng,
) -> Choice {
    let [region, background] = sides(guide.region());
    let cells = region.len() + background.len();
    let [high, low] = shares_for(ratio, contrast, region.len() as f64 / cells as f64);
    let total = rounding.hidden(cells, ratio);
    let most = region.len().min(total);
    let least = total.saturating_sub(background.len());
    let in_region = rounding.hidden(region.len(), high).clamp(least, most);
    let mut warnings = without_region(guide.region(), region.len());
    if region.len() == cells && contrast > 0.0 {
        warnings.push("the region has every cell: nothing to contrast it with".to_owned());
    } else if !region.is_empty() && high - low < contrast - 1e-9 {
        warnings.push(format!(
            "a contrast of {contrast} is out of reach at a ratio of {ratio} and {} of {cells} cells: {:.3} is asked",
            region.len(),
            high - low
        ));
    }
    let counts = [in_region, total - in_region];
    let hidden = strata(cells, [(region, counts[0]), (background, counts[1])], rng);
    Choice {
        hidden,
        asked: Asked {
            overall: ratio,
            region: Some(high),
            background: Some(low),
        },
        warnings,
    }
}

/// The cells of the region and the others.
fn sides<D: Dimension>(region: &RegionGrid<D>) -> [Vec<usize>; 2] {
    let cells = region.cells().len();
    let mut sides = [cells, cells].map(Vec::with_capacity);
    for (cell, inside) in region.cells().iter().enumerate() {
        sides[usize::from(!inside)].push(cell);
    }
    sides
}

fn without_region<D: Dimension>(region: &RegionGrid<D>, cells: usize) -> Vec<String> {
    if region.vanished() {
        vec!["the rule left the region no cell: all cells count as background".to_owned()]
    } else if cells == 0 {
        vec!["the region has no cell: all cells count as background".to_owned()]
    } else {
        Vec::new()
    }
}

/// The shares `[high, low]` of the region and of the rest with high·r + low·(1 − r) = ratio, for a
/// region that is the share `r` of all cells. They differ by `contrast`, or by what comes nearest to
/// it with both in 0 to 1.
fn shares_for(ratio: f64, contrast: f64, r: f64) -> [f64; 2] {
    let (high, low) = (ratio + contrast * (1.0 - r), ratio - contrast * r);
    // Of the two ends at most one can be beyond its limit, for a contrast of at most 1.
    if high > 1.0 && r < 1.0 {
        [1.0, ((ratio - r) / (1.0 - r)).clamp(0.0, 1.0)]
    } else if low < 0.0 && r > 0.0 {
        [(ratio / r).min(1.0), 0.0]
    } else {
        [high.min(1.0), low.max(0.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_keep_the_ratio_and_stay_shares() {
        for (ratio, contrast, r, expected) in [
            (0.6, 0.4, 0.5, [0.8, 0.4]),
            (0.6, 0.4, 0.0, [1.0, 0.6]),
            (0.6, 0.4, 1.0, [0.6, 0.2]),
            (0.9, 0.9, 0.25, [1.0, 0.65 / 0.75]),
            (0.2, 0.8, 0.5, [0.4, 0.0]),
            (0.5, 1.0, 0.5, [1.0, 0.0]),
            (0.0, 1.0, 0.5, [0.0, 0.0]),
        ] {
            let [high, low] = shares_for(ratio, contrast, r);
            let off = (high - expected[0]).abs().max((low - expected[1]).abs());
            assert!(off < 1e-12, "{ratio} {contrast} {r}: {high} {low}");
        }
        for k in 0..=20 * 20 * 20 {
            let part = |k: i32| f64::from(k % 20) / 20.0 + 0.025;
            let (ratio, contrast, r) = (part(k), part(k / 20), part(k / 400));
            let [high, low] = shares_for(ratio, contrast, r);
            assert!((0.0..=1.0).contains(&high) && (0.0..=1.0).contains(&low));
            assert!((high * r + low * (1.0 - r) - ratio).abs() < 1e-12);
            assert!(low <= high && high - low <= contrast + 1e-12);
        }
    }
}
