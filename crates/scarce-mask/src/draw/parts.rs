//! Counts for each of several parts.

use std::collections::BTreeMap;

use ndarray::Dimension;
use rand::Rng;
use rand::seq::SliceRandom as _;

use super::{Asked, Choice, strata};
use crate::{MaskError, PartGrid, Rounding};

/// The cells of each part that occurs, the lowest part first.
pub(super) fn by_part<D: Dimension>(parts: &PartGrid<D>) -> Vec<(u16, Vec<usize>)> {
    let mut cells_of = BTreeMap::<u16, Vec<usize>>::new();
    for (cell, part) in parts.cells().iter().enumerate() {
        cells_of.entry(*part).or_default().push(cell);
    }
    cells_of.into_iter().collect()
}

/// Hides its own share of each part.
pub(super) fn graded<D: Dimension>(
    parts: &PartGrid<D>,
    ratios: &[f64],
    rounding: Rounding,
    rng: &mut impl Rng,
) -> Result<Choice, MaskError> {
    let cells = parts.cells().len();
    let mut asked = 0.0;
    let mut counted = Vec::new();
    for (part, of_part) in by_part(parts) {
        let ratio = *ratios.get(usize::from(part)).ok_or(MaskError::Part {
            part,
            last: ratios.len() - 1,
        })?;
        asked += ratio * of_part.len() as f64;
        let count = rounding.hidden(of_part.len(), ratio);
        counted.push((of_part, count));
    }
    Ok(Choice {
        hidden: strata(cells, counted, rng),
        asked: Asked::overall(asked / cells as f64),
        warnings: Vec::new(),
    })
}

/// Hides `total` cells, between the same share of each part (`whole` 0) and parts as a whole in random
/// order (`whole` 1).
pub(super) fn spread<D: Dimension>(
    parts: &PartGrid<D>,
    total: usize,
    whole: f64,
    rng: &mut impl Rng,
) -> Vec<bool> {
    let cells = parts.cells().len();
    let mut parts = by_part(parts);
    parts.shuffle(rng);
    let sizes: Vec<usize> = parts.iter().map(|(_, of_part)| of_part.len()).collect();
    let counts = counts(&sizes, total, whole);
    let counted = parts.into_iter().map(|(_, of_part)| of_part).zip(counts);
    strata(cells, counted, rng)
}

/// How many of each part, which add up to `total`: by largest remainder, of equals the first.
fn counts(sizes: &[usize], total: usize, whole: f64) -> Vec<usize> {
    let cells: usize = sizes.iter().sum();
    let mut left = total;
    let wanted: Vec<f64> = sizes
        .iter()
        .map(|size| {
            let greedy = left.min(*size);
            left -= greedy;
            let even = total as f64 * *size as f64 / cells as f64;
            (1.0 - whole) * even + whole * greedy as f64
        })
        .collect();
    // Sums of decimals fall short of the integer they mean by less than this.
    let floor = |wanted: f64| (wanted + 1e-9).floor();
    let mut counts: Vec<usize> = wanted.iter().map(|w| floor(*w) as usize).collect();
    let mut by_remainder: Vec<usize> = (0..sizes.len()).collect();
    by_remainder.sort_by(|a, b| {
        let remainder = |k: usize| wanted[k] - floor(wanted[k]);
        remainder(*b).total_cmp(&remainder(*a))
    });
    let missing = total - counts.iter().sum::<usize>().min(total);
    for part in by_remainder.into_iter().take(missing) {
        counts[part] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_parts_add_up() {
        for (sizes, total, whole, expected) in [
            (&[4, 4, 4][..], 6, 0.0, &[2, 2, 2][..]),
            (&[4, 4, 4], 6, 1.0, &[4, 2, 0]),
            (&[4, 4, 4], 6, 0.5, &[3, 2, 1]),
            (&[1, 1, 1], 1, 0.0, &[1, 0, 0]),
            (&[10, 5, 1], 8, 0.0, &[5, 3, 0]),
            (&[5], 5, 0.3, &[5]),
        ] {
            assert_eq!(counts(sizes, total, whole), expected, "{sizes:?} {whole}");
        }
        for total in 0..=49 {
            for twentieths in 0..=20 {
                let sizes = [17, 1, 0, 9, 22];
                let counts = counts(&sizes, total, f64::from(twentieths) / 20.0);
                assert_eq!(counts.iter().sum::<usize>(), total);
                assert!(counts.iter().zip(sizes).all(|(n, of)| *n <= of));
            }
        }
    }
}
