//! From a region in pixels to the cells of the patch grid.

use ndarray::{Array2, ArrayView2, Slice};
use serde::{Deserialize, Serialize};

use crate::MaskError;
use crate::sample::check_share;

/// When a cell belongs to the region.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PatchRule {
    /// When any pixel of it does: a region of one pixel still marks a cell.
    #[default]
    AnyOverlap,
    /// When its top-left pixel does: what the released MWM code does by nearest down-sampling. Small
    /// regions can vanish.
    TopLeft,
    /// When at least this share of its pixels does.
    Area(f64),
}

/// The cells of a patch grid that belong to the region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionGrid {
    cells: Array2<bool>,
}

impl RegionGrid {
    /// A grid from its cells `(row, column)`.
    ///
    /// # Errors
    /// [`MaskError::Grid`] for a grid without cells.
    pub fn new(cells: Array2<bool>) -> Result<Self, MaskError> {
        if cells.is_empty() {
            return Err(MaskError::Grid {
                grid: cells.dim().into(),
                pixels: [0, 0],
            });
        }
        Ok(Self { cells })
    }

    /// Cells of a `grid` (rows, columns) laid over a region's pixels `(y, x)`. Where the sides do
    /// not divide, cell k spans pixels ⌊k·n/g⌋ to ⌊(k+1)·n/g⌋.
    ///
    /// # Errors
    /// [`MaskError::Grid`] for a grid without cells or finer than the pixels, [`MaskError::Ratio`]
    /// for an area that is no share.
    pub fn from_mask(
        region: ArrayView2<'_, bool>,
        grid: [usize; 2],
        rule: PatchRule,
    ) -> Result<Self, MaskError> {
        let (height, width) = region.dim();
        if grid.contains(&0) || grid[0] > height || grid[1] > width {
            return Err(MaskError::Grid {
                grid,
                pixels: [height, width],
            });
        }
        if let PatchRule::Area(share) = rule {
            check_share("area", share)?;
        }
        let bounds = |k: usize, pixels: usize, cells: usize| {
            Slice::from(k * pixels / cells..(k + 1) * pixels / cells)
        };
        let cells = Array2::from_shape_fn((grid[0], grid[1]), |(row, column)| {
            let cell = region.slice_each_axis(|axis| match axis.axis.index() {
                0 => bounds(row, height, grid[0]),
                _ => bounds(column, width, grid[1]),
            });
            let inside = cell.iter().filter(|v| **v).count();
            match rule {
                PatchRule::AnyOverlap => inside > 0,
                PatchRule::TopLeft => cell.first().is_some_and(|v| *v),
                PatchRule::Area(share) => inside > 0 && inside as f64 >= share * cell.len() as f64,
            }
        });
        Self::new(cells)
    }

    /// The cells, `(row, column)`, true = region.
    pub fn cells(&self) -> &Array2<bool> {
        &self.cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pixels: &[[usize; 2]], rule: PatchRule, expected: &[[usize; 2]]) {
        let mut region = Array2::from_elem((10, 7), false);
        for at in pixels {
            region[*at] = true;
        }
        let grid = RegionGrid::from_mask(region.view(), [3, 2], rule).unwrap();
        let cells: Vec<[usize; 2]> = grid
            .cells()
            .indexed_iter()
            .filter(|(_, v)| **v)
            .map(|((r, c), _)| [r, c])
            .collect();
        assert_eq!(cells, expected, "{pixels:?} under {rule:?}");
    }

    #[test]
    fn rules_decide_which_cells_count() {
        // Rows 0..3, 3..6, 6..10; columns 0..3, 3..7.
        check(&[[9, 6]], PatchRule::AnyOverlap, &[[2, 1]]);
        check(&[[9, 6]], PatchRule::TopLeft, &[]);
        check(&[[6, 3]], PatchRule::TopLeft, &[[2, 1]]);
        check(
            &[[0, 0], [0, 1], [1, 0]],
            PatchRule::Area(1.0 / 3.0),
            &[[0, 0]],
        );
        check(&[[0, 0], [0, 1]], PatchRule::Area(1.0 / 3.0), &[]);
        check(&[], PatchRule::Area(0.0), &[]);
    }

    #[test]
    fn grids_that_do_not_fit_are_refused() {
        let region = Array2::from_elem((4, 4), true);
        for grid in [[0, 2], [5, 2], [2, 5]] {
            assert!(RegionGrid::from_mask(region.view(), grid, PatchRule::AnyOverlap).is_err());
        }
        // An area above 1 or NaN would mark no cell ever.
        for share in [-0.1, 1.1, f64::NAN] {
            let refused = RegionGrid::from_mask(region.view(), [2, 2], PatchRule::Area(share));
            assert!(matches!(
                refused,
                Err(MaskError::Ratio { name: "area", .. })
            ));
        }
    }
}
