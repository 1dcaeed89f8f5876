//! Boundary `IoU`: the overlap of what lies within some width of either boundary.

use super::BoundaryWidth;
use super::bits::{BitGrid, after, before, word};
use super::overlap::Counts;
use super::surface::border;

/// ∣A′∩B′∣/∣A′∪B′∣ of the voxels A′ and B′ of each mask near its own boundary. Both grids are of one shape, cut
/// from an image of `image_zyx` voxels around both masks.
pub(crate) fn boundary_iou(
    prediction: &BitGrid,
    reference: &BitGrid,
    extended: [bool; 3],
    image_zyx: [usize; 3],
    width: BoundaryWidth,
) -> f64 {
    let near = |mask: &BitGrid| match width {
        BoundaryWidth::DiagonalShare(share) => {
            let squares = (0..3)
                .filter(|axis| extended[*axis])
                .map(|axis| (image_zyx[axis] as f64).powi(2));
            let diagonal = squares.sum::<f64>().sqrt();
            within_steps(mask, extended, steps(share * diagonal))
        }
        BoundaryWidth::Voxels(width) => within_distance(mask, extended, width),
    };
    let (a, b) = rayon::join(|| near(prediction), || near(reference));
    let counts = Counts {
        prediction: a.count(),
        reference: b.count(),
        both: a.count_both(&b),
    };
    counts.jaccard()
}

/// Python's `round`, at least 1.
fn steps(width: f64) -> usize {
    (width.round_ties_even() as usize).max(1)
}

/// The mask's voxels from which `steps` steps, diagonal ones included, lead outside; beyond the grid is
/// outside.
fn within_steps(mask: &BitGrid, extended: [bool; 3], steps: usize) -> BitGrid {
    // No mask is thicker than its grid.
    let steps = steps.min(mask.shape_zyx().into_iter().max().unwrap_or(1));
    // What the steps do not lead out of along one axis, axis after axis.
    let along_x = |row: &[u64], words: &mut [u64]| {
        words.copy_from_slice(row);
        if extended[2] {
            let mut inner = row.to_vec();
            for _ in 0..steps {
                for (k, word) in inner.iter_mut().enumerate() {
                    *word = words[k] & before(words, k) & after(words, k);
                }
                words.copy_from_slice(&inner);
            }
        }
    };
    let along = |from: &BitGrid, [dz, dy]: [isize; 2]| {
        BitGrid::by_rows(from.shape_zyx(), |[z, y], words| {
            words.copy_from_slice(from.row(z, y));
            for step in (1..=steps as isize).flat_map(|step| [-step, step]) {
                let other = from.row_or_none(z as isize + dz * step, y as isize + dy * step);
                for (k, inner) in words.iter_mut().enumerate() {
                    *inner &= word(other, k);
                }
            }
        })
    };
    let mut inner = BitGrid::by_rows(mask.shape_zyx(), |[z, y], words| {
        along_x(mask.row(z, y), words);
    });
    for (axis, direction) in [[1, 0], [0, 1]].into_iter().enumerate() {
        if extended[axis] {
            inner = along(&inner, direction);
        }
    }
    BitGrid::by_rows(mask.shape_zyx(), |[z, y], words| {
        for (k, word) in words.iter_mut().enumerate() {
            *word = mask.row(z, y)[k] & !inner.row(z, y)[k];
        }
    })
}

/// The mask's voxels less than `width` voxels from one of its surface voxels.
fn within_distance(mask: &BitGrid, extended: [bool; 3], width: f64) -> BitGrid {
    let border = border(mask, extended);
    let reach = mask
        .shape_zyx()
        .map(|n| (width.ceil() as isize).min(n as isize));
    // Rows around a row, and how far along x the ball reaches there.
    let mut rows = Vec::new();
    for dz in -reach[0]..=reach[0] {
        for dy in -reach[1]..=reach[1] {
            let left = width * width - (dz * dz + dy * dy) as f64;
            if let Some(reach_x) = (0..=reach[2]).rfind(|x| ((x * x) as f64) < left) {
                rows.push((dz, dy, reach_x));
            }
        }
    }
    BitGrid::by_rows(mask.shape_zyx(), |[z, y], words| {
        let mut grown = vec![0; words.len()];
        for (dz, dy, reach_x) in &rows {
            let row = border.row_or_none(z as isize + dz, y as isize + dy);
            if row.iter().all(|word| *word == 0) {
                continue;
            }
            let mut row = row.to_vec();
            for _ in 0..*reach_x {
                for (k, word) in grown.iter_mut().enumerate() {
                    *word = row[k] | before(&row, k) | after(&row, k);
                }
                row.copy_from_slice(&grown);
            }
            for (word, grown) in words.iter_mut().zip(&row) {
                *word |= grown;
            }
        }
        for (word, mask) in words.iter_mut().zip(mask.row(z, y)) {
            *word &= mask;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_round_as_pythons() {
        for (width, expected) in [(0.0, 1), (0.4, 1), (1.5, 2), (2.5, 2), (3.5, 4), (8.3, 8)] {
            assert_eq!(steps(width), expected, "{width}");
        }
    }
}
