//! Drawing in proportion to a heat map.

use rand::Rng;

/// Hides `total` cells without replacement, each with a chance in proportion to its weight: of keys
/// Exp(1) / weight the smallest. Cells without weight come last, in random order.
pub(super) fn hide(heat: &[f32], floor: f64, total: usize, rng: &mut impl Rng) -> Vec<bool> {
    let most = f64::from(heat.iter().copied().fold(0.0, f32::max));
    let weight = |heat: f32| {
        if most > 0.0 {
            floor + (1.0 - floor) * f64::from(heat) / most
        } else {
            1.0
        }
    };
    let mut keys: Vec<(f64, f64, usize)> = heat
        .iter()
        .enumerate()
        .map(|(cell, heat)| {
            // In (0, 1], so that the logarithm is finite.
            let exponential = -(1.0 - rng.random::<f64>()).ln();
            let weight = weight(*heat);
            let key = if weight > 0.0 {
                exponential / weight
            } else {
                f64::INFINITY
            };
            (key, exponential, cell)
        })
        .collect();
    let order = |a: &(f64, f64, usize), b: &(f64, f64, usize)| {
        let by_key = a.0.total_cmp(&b.0);
        by_key.then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2))
    };
    if (1..keys.len()).contains(&total) {
        keys.select_nth_unstable_by(total - 1, order);
    }
    let mut hidden = vec![false; heat.len()];
    for (_, _, cell) in &keys[..total] {
        hidden[*cell] = true;
    }
    hidden
}
