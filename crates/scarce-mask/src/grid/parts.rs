//! Numbered parts: organs, lesions, or whatever a segmentation tells apart.

use ndarray::{Array, ArrayView, Dimension, IntoDimension, Ix2};
use serde::{Deserialize, Serialize};

use super::Tiling;
use crate::MaskError;

/// Which part a cell of several belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartRule {
    /// The highest number in it: with parts numbered by how much they matter, one pixel of a lesion
    /// marks its cell.
    #[default]
    Highest,
    /// The part with most of its pixels; of equals the one with the lower number.
    Majority,
}

/// The part each cell of a patch grid belongs to; 0 is the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartGrid<D: Dimension = Ix2> {
    cells: Array<u16, D>,
}

impl<D: Dimension> PartGrid<D> {
    /// A grid from the parts of its cells.
    pub fn new(cells: Array<u16, D>) -> Self {
        Self {
            cells: cells.as_standard_layout().into_owned(),
        }
    }

    /// Cells of a `grid` laid over a label map as [`crate::RegionGrid::from_mask`] lays them.
    ///
    /// # Errors
    /// [`MaskError::Grid`] for a grid without cells or finer than the pixels.
    pub fn from_labels(
        labels: ArrayView<'_, u16, D>,
        grid: impl IntoDimension<Dim = D>,
        rule: PartRule,
    ) -> Result<Self, MaskError> {
        let grid = grid.into_dimension();
        let tiling = Tiling::new(labels.shape(), grid.slice())?;
        let cells = match rule {
            PartRule::Highest => {
                let mut cells = vec![0; tiling.cells()];
                tiling.pieces(&labels, |cell, pixels| {
                    cells[cell] = pixels.iter().fold(cells[cell], |most, v| most.max(*v));
                });
                cells
            }
            PartRule::Majority => {
                let mut pixels_of = vec![Vec::<u16>::new(); tiling.cells()];
                tiling.pieces(&labels, |cell, pixels| pixels_of[cell].extend(pixels));
                pixels_of.into_iter().map(majority).collect()
            }
        };
        let shape = grid.slice().to_vec();
        let cells = Array::from_shape_vec(grid, cells).map_err(|_| MaskError::Grid {
            grid: shape,
            pixels: labels.shape().to_vec(),
        })?;
        Ok(Self { cells })
    }

    /// The part of each cell, in C order.
    pub fn cells(&self) -> &Array<u16, D> {
        &self.cells
    }
}

fn majority(mut labels: Vec<u16>) -> u16 {
    labels.sort_unstable();
    labels
        .chunk_by(|a, b| a == b)
        .rev()
        .max_by_key(|run| run.len())
        .map_or(0, |run| run[0])
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_cell_takes_one_of_its_labels() {
        let labels = array![[0, 0, 1, 2], [0, 7, 2, 1], [3, 3, 0, 0], [3, 3, 0, 5]];
        for (rule, expected) in [
            (PartRule::Highest, array![[7, 2], [3, 5]]),
            (PartRule::Majority, array![[0, 1], [3, 0]]),
        ] {
            let parts = PartGrid::from_labels(labels.view(), [2, 2], rule).unwrap();
            assert_eq!(parts.cells(), expected, "{rule:?}");
            let volume = labels.clone().insert_axis(ndarray::Axis(0));
            let parts = PartGrid::from_labels(volume.view(), [1, 2, 2], rule).unwrap();
            assert!(parts.cells().iter().eq(expected.iter()), "{rule:?} in 3-D");
        }
        assert!(PartGrid::from_labels(labels.view(), [5, 2], PartRule::Highest).is_err());
    }
}
