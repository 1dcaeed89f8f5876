//! Surfaces of voxels: those with a face neighbour outside.

use super::super::bits::{BitGrid, after, before, word};

/// The mask's voxels with a face neighbour outside along one of the `extended` axes; beyond the grid is
/// outside. medpy, MONAI and Metrics Reloaded take them as the mask less its erosion by a cross.
pub(crate) fn border(mask: &BitGrid, extended: [bool; 3]) -> BitGrid {
    BitGrid::by_rows(mask.shape_zyx(), |[z, y], words| {
        let row = mask.row(z, y);
        let neighbour = |dz, dy| mask.row_or_none(z as isize + dz, y as isize + dy);
        let around = [
            (extended[0], [neighbour(-1, 0), neighbour(1, 0)]),
            (extended[1], [neighbour(0, -1), neighbour(0, 1)]),
        ];
        for (k, surface) in words.iter_mut().enumerate() {
            let mut inner = u64::MAX;
            for (_, [a, b]) in around.iter().filter(|(extended, _)| *extended) {
                inner &= word(a, k) & word(b, k);
            }
            if extended[2] {
                inner &= before(row, k) & after(row, k);
            }
            *surface = row[k] & !inner;
        }
    })
}
