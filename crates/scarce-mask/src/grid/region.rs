//! From a region in pixels to the cells of the patch grid.

use ndarray::{Array, ArrayView, AxisDescription, Dimension, IntoDimension, Ix2, Slice, indices};
use serde::{Deserialize, Serialize};

use super::{Tiling, any};
use crate::MaskError;
use crate::error::check_share;

/// When a cell belongs to the region.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PatchRule {
    /// When any pixel of it does: a region of one pixel still marks a cell.
    #[default]
    AnyOverlap,
    /// When its first pixel does (the top-left one): what the released MWM code does by nearest
    /// down-sampling. Small regions can vanish.
    TopLeft,
    /// When at least this share of its pixels does, and at least one.
    Area(f64),
}

/// The cells of a patch grid that belong to the region, `(row, column)` or `(z, y, x)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionGrid<D: Dimension = Ix2> {
    cells: Array<bool, D>,
    vanished: bool,
}

impl<D: Dimension> RegionGrid<D> {
    /// A grid from its cells.
    ///
    /// # Errors
    /// [`MaskError::Grid`] for a grid without cells.
    pub fn new(cells: Array<bool, D>) -> Result<Self, MaskError> {
        if cells.is_empty() {
            return Err(MaskError::Grid {
                grid: cells.shape().to_vec(),
                pixels: cells.shape().to_vec(),
            });
        }
        let cells = if cells.is_standard_layout() {
            cells
        } else {
            cells.as_standard_layout().into_owned()
        };
        Ok(Self {
            cells,
            vanished: false,
        })
    }

    /// A grid without a region, for policies that look at none.
    ///
    /// # Errors
    /// [`MaskError::Grid`] for a grid without cells.
    pub fn without_region(grid: impl IntoDimension<Dim = D>) -> Result<Self, MaskError> {
        Self::new(Array::from_elem(grid.into_dimension(), false))
    }

    /// Cells of a `grid` laid over a region's pixels: `[rows, columns]` over `(y, x)`, or
    /// `[z, y, x]` over `(z, y, x)`. Where the sides do not divide, cell k of g spans the pixels
    /// ⌊k·n/g⌋ to ⌊(k+1)·n/g⌋ of n.
    ///
    /// # Errors
    /// [`MaskError::Grid`] for a grid without cells or finer than the pixels, [`MaskError::Ratio`]
    /// for an area that is no share.
    pub fn from_mask(
        region: ArrayView<'_, bool, D>,
        grid: impl IntoDimension<Dim = D>,
        rule: PatchRule,
    ) -> Result<Self, MaskError> {
        let grid = grid.into_dimension();
        if let PatchRule::Area(share) = rule {
            check_share("area", share)?;
        }
        let tiling = Tiling::new(region.shape(), grid.slice())?;
        let cells: Vec<bool> = match rule {
            PatchRule::TopLeft => first_pixels(&region, &grid, &tiling),
            PatchRule::AnyOverlap => tiling.any(&region),
            PatchRule::Area(share) => {
                let mut counts = vec![(0usize, 0usize); tiling.cells()];
                tiling.pieces(&region, |cell, pixels| {
                    counts[cell].0 += pixels.iter().filter(|v| **v).count();
                    counts[cell].1 += pixels.len();
                });
                let enough =
                    |(inside, of): (usize, usize)| inside > 0 && inside as f64 >= share * of as f64;
                counts.into_iter().map(enough).collect()
            }
        };
        let vanished = rule != PatchRule::AnyOverlap && !any(&cells) && any_pixel(&region);
        let shape = grid.slice().to_vec();
        let cells = Array::from_shape_vec(grid, cells).map_err(|_| MaskError::Grid {
            grid: shape,
            pixels: region.shape().to_vec(),
        })?;
        Ok(Self { cells, vanished })
    }

    /// The cells, in C order, true = region.
    pub fn cells(&self) -> &Array<bool, D> {
        &self.cells
    }

    /// How many cells the region has.
    pub fn region_cells(&self) -> usize {
        self.cells.iter().filter(|v| **v).count()
    }

    /// Whether there was a region in pixels and the rule left no cell of it.
    pub fn vanished(&self) -> bool {
        self.vanished
    }

    pub(crate) fn shape(&self) -> &[usize] {
        self.cells.shape()
    }
}

/// The first pixel of each cell in raster order.
fn first_pixels<D: Dimension>(
    region: &ArrayView<'_, bool, D>,
    grid: &D,
    tiling: &Tiling,
) -> Vec<bool> {
    let steps: Vec<Option<usize>> = region
        .shape()
        .iter()
        .zip(grid.slice())
        .map(|(n, g)| n.is_multiple_of(*g).then(|| n / g))
        .collect();
    if let Some(steps) = steps.into_iter().collect::<Option<Vec<usize>>>() {
        let every = |axis: AxisDescription| Slice::new(0, None, steps[axis.axis.index()] as isize);
        return region.slice_each_axis(every).iter().copied().collect();
    }
    indices(grid.clone())
        .into_iter()
        .map(|cell| region[tiling.first_pixel(&cell.into_dimension())])
        .collect()
}

fn any_pixel<D: Dimension>(region: &ArrayView<'_, bool, D>) -> bool {
    match region.as_slice_memory_order() {
        Some(pixels) => any(pixels),
        None => region.iter().any(|v| *v),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, ArrayD, IxDyn};

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
        assert_eq!(grid.vanished(), expected.is_empty() && !pixels.is_empty());
        assert_eq!(grid.region_cells(), expected.len());
        // The same from columns that lie in memory as rows, from a volume of one slice, and from axes
        // whose number is known only when it runs.
        let turned = region.t().as_standard_layout().into_owned();
        let from_turned = RegionGrid::from_mask(turned.t(), [3, 2], rule).unwrap();
        assert_eq!(from_turned, grid);
        let volume = region.clone().insert_axis(ndarray::Axis(0));
        let of_volume = RegionGrid::from_mask(volume.view(), [1, 3, 2], rule).unwrap();
        assert!(of_volume.cells().iter().eq(grid.cells().iter()));
        let dynamic: ArrayD<bool> = region.into_dyn();
        let of_dynamic = RegionGrid::from_mask(dynamic.view(), IxDyn(&[3, 2]), rule).unwrap();
        assert!(of_dynamic.cells().iter().eq(grid.cells().iter()));
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
    fn a_voxel_marks_the_cell_it_lies_in() {
        for at in [[0, 0, 0], [4, 8, 10], [2, 3, 7], [3, 8, 0]] {
            let mut region = Array3::from_elem((5, 9, 11), false);
            region[at] = true;
            let grid = RegionGrid::from_mask(region.view(), [2, 3, 4], PatchRule::AnyOverlap);
            let grid = grid.unwrap();
            // By the definition of the bounds, the other way round.
            let cell = |axis: usize, n: usize, g: usize| {
                (0..g)
                    .find(|k| (k * n / g..(k + 1) * n / g).contains(&at[axis]))
                    .unwrap()
            };
            let expected = (cell(0, 5, 2), cell(1, 9, 3), cell(2, 11, 4));
            let marked: Vec<_> = grid.cells().indexed_iter().filter(|(_, v)| **v).collect();
            assert_eq!(marked, [(expected, &true)], "{at:?}");
        }
    }

    #[test]
    fn grids_that_do_not_fit_are_refused() {
        let region = Array2::from_elem((4, 4), true);
        for grid in [[0, 2], [5, 2], [2, 5]] {
            assert!(RegionGrid::from_mask(region.view(), grid, PatchRule::AnyOverlap).is_err());
        }
        let dynamic = region.clone().into_dyn();
        for axes in [&[2][..], &[1, 2, 2], &[]] {
            let grid = IxDyn(axes);
            assert!(RegionGrid::from_mask(dynamic.view(), grid, PatchRule::AnyOverlap).is_err());
        }
        assert!(RegionGrid::without_region([0, 3]).is_err());
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
