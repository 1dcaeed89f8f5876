//! What the patch grid makes of a region: which lesions it loses.

use ndarray::{ArrayView, Dimension, Ix3};
use scarce_image::{Connectivity, connected_components};
use serde::Serialize;

use crate::grid::Tiling;
use crate::{MaskError, RegionGrid};

/// What became of a region in pixels when it was brought to cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quantisation {
    /// Pixels of the region.
    pub region_pixels: usize,
    /// Pixels of the region in cells that don't belong to it.
    pub pixels_outside: usize,
    /// Cells of the region.
    pub region_cells: usize,
    /// Lesions: connected components, across corners too (8 neighbours in 2-D, 26 in 3-D).
    pub lesions: usize,
    /// Lesions of which no pixel lies in a cell of the region: to the masks they are background.
    pub lesions_lost: usize,
}

impl Quantisation {
    /// Compares a region's pixels, `(y, x)` or `(z, y, x)`, with its cells.
    ///
    /// # Errors
    /// [`MaskError::Grid`] for a grid of other axes, or finer than the pixels; [`MaskError::Shape`]
    /// for more than three axes.
    pub fn of<D: Dimension>(
        region: ArrayView<'_, bool, D>,
        grid: &RegionGrid<D>,
    ) -> Result<Self, MaskError> {
        let tiling = Tiling::new(region.shape(), grid.cells().shape())?;
        let shape = region.shape().to_vec();
        let mut volume = region.into_dyn();
        while volume.ndim() < 3 {
            volume.insert_axis_inplace(ndarray::Axis(0));
        }
        let volume = volume
            .into_dimensionality::<Ix3>()
            .map_err(|_| MaskError::Shape {
                what: "the region",
                expected: vec![0; 3],
                got: shape.clone(),
            })?;
        let (labels, pixels_of) = connected_components(volume, Connectivity::Corners26);
        let labels = labels
            .into_shape_with_order(shape.clone())
            .map_err(|_| MaskError::Shape {
                what: "the region",
                expected: shape.clone(),
                got: shape.clone(),
            })?;
        let in_region: Vec<bool> = grid.cells().iter().copied().collect();
        let mut pixels_inside = vec![0usize; pixels_of.len()];
        tiling.pieces(&labels.view(), |cell, labels| {
            if in_region[cell] {
                for label in labels.iter().filter(|label| **label > 0) {
                    pixels_inside[*label as usize - 1] += 1;
                }
            }
        });
        let region_pixels: usize = pixels_of.iter().sum();
        Ok(Self {
            region_pixels,
            pixels_outside: region_pixels - pixels_inside.iter().sum::<usize>(),
            region_cells: grid.region_cells(),
            lesions: pixels_of.len(),
            lesions_lost: pixels_inside.iter().filter(|n| **n == 0).count(),
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use super::*;
    use crate::PatchRule;

    /// Three lesions: one pixel, two that touch by a corner, and a square of 20.
    fn lesions() -> Array2<bool> {
        Array2::from_shape_fn((64, 64), |at| {
            let square = (32..52).contains(&at.0) && (32..52).contains(&at.1);
            square || [(5, 5), (5, 40), (6, 41)].contains(&at)
        })
    }

    fn check(grid: usize, rule: PatchRule, lost: usize, outside: usize) {
        let region = lesions();
        let cells = RegionGrid::from_mask(region.view(), [grid; 2], rule).unwrap();
        let flat = Quantisation::of(region.view(), &cells).unwrap();
        assert_eq!(
            (flat.lesions, flat.lesions_lost, flat.pixels_outside),
            (3, lost, outside),
            "{grid} cells a side, {rule:?}"
        );
        assert_eq!(flat.region_pixels, 403);
        let volume = region.insert_axis(ndarray::Axis(0));
        let cells = RegionGrid::from_mask(volume.view(), [1, grid, grid], rule).unwrap();
        assert_eq!(Quantisation::of(volume.view(), &cells), Ok(flat));
    }

    #[test]
    fn lesions_without_a_cell_are_lost() {
        check(2, PatchRule::TopLeft, 2, 3);
        check(2, PatchRule::AnyOverlap, 0, 0);
        check(4, PatchRule::Area(0.05), 2, 3);
        check(64, PatchRule::TopLeft, 0, 0);
    }

    #[test]
    fn nothing_is_lost_of_nothing() {
        let region = Array3::from_elem((4, 4, 4), false);
        let cells = RegionGrid::from_mask(region.view(), [2; 3], PatchRule::TopLeft).unwrap();
        let none = Quantisation::of(region.view(), &cells).unwrap();
        assert_eq!((none.lesions, none.lesions_lost), (0, 0));
        let other = Array3::from_elem((1, 4, 4), true);
        assert!(Quantisation::of(other.view(), &cells).is_err());
    }
}
