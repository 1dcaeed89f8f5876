//! Cells in the order of a map.

use std::cmp::Reverse;

use rand::Rng;
use rand::seq::SliceRandom as _;

use crate::{Ranked, Rounding};

/// Hides `total` cells: the nearest count to `share` of them are those with the highest loss, the
/// others are drawn from the rest.
pub(super) fn hardest(loss: &[f32], total: usize, share: f64, rng: &mut impl Rng) -> Vec<bool> {
    let mut order = ranking(loss, Ranked::Highest, rng);
    let cells = order.len();
    let guided = Rounding::Nearest.hidden(total, share);
    let (hardest, others) = order.split_at_mut(guided);
    let drawn = others.partial_shuffle(rng, total - guided).0;
    hide(hardest, cells, drawn)
}

/// Hides the first `total` cells in rank but `shown` of them, for which the next in rank stand in.
pub(super) fn attended(
    attention: &[f32],
    end: Ranked,
    total: usize,
    shown: usize,
    rng: &mut impl Rng,
) -> Vec<bool> {
    let mut order = ranking(attention, end, rng);
    let cells = order.len();
    // No more can be shown than would be hidden, nor than can stand in.
    let shown = shown.min(total).min(cells - total);
    let (first, next) = order.split_at_mut(total);
    let kept = first.partial_shuffle(rng, total - shown).0;
    hide(kept, cells, &next[..shown])
}

/// Cells from one end of a map to the other; equals in random order.
fn ranking(map: &[f32], end: Ranked, rng: &mut impl Rng) -> Vec<usize> {
    let mut order: Vec<(usize, u64)> = (0..map.len()).map(|cell| (cell, rng.random())).collect();
    order.sort_by(|(a, tie_a), (b, tie_b)| {
        // Adding 0 makes -0 a 0, which the total order would put below it.
        let ascending = (map[*a] + 0.0).total_cmp(&(map[*b] + 0.0));
        let by_value = match end {
            Ranked::Highest => ascending.reverse(),
            Ranked::Lowest => ascending,
        };
        by_value.then_with(|| Reverse(tie_a).cmp(&Reverse(tie_b)))
    });
    order.into_iter().map(|(cell, _)| cell).collect()
}

fn hide(these: &[usize], cells: usize, and: &[usize]) -> Vec<bool> {
    let mut hidden = vec![false; cells];
    for cell in these.iter().chain(and) {
        hidden[*cell] = true;
    }
    hidden
}
