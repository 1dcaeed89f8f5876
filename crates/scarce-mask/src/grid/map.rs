//! A value for each cell: heat, attention, or the loss it had.

use ndarray::{Array, ArrayView, Dimension, IntoDimension, Ix2, indices};
use serde::{Deserialize, Serialize};

use super::Tiling;
use crate::MaskError;

/// How a cell's pixels become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Their mean.
    #[default]
    Mean,
    /// The largest: a single hot pixel counts.
    Max,
}

/// A finite value for each cell of a patch grid.
#[derive(Debug, Clone, PartialEq)]
pub struct CellMap<D: Dimension = Ix2> {
    cells: Array<f32, D>,
}

impl<D: Dimension> CellMap<D> {
    /// A map from the values of its cells.
    ///
    /// # Errors
    /// [`MaskError::Value`] for one that is not finite: a diverged network's loss or attention would
    /// otherwise decide by chance what is hidden.
    pub fn new(cells: Array<f32, D>) -> Result<Self, MaskError> {
        let cells = cells.as_standard_layout().into_owned();
        check(&cells.view(), f32::is_finite, "a finite value")?;
        Ok(Self { cells })
    }

    /// Cells of a `grid` laid over a map's pixels as [`crate::RegionGrid::from_mask`] lays them. Sums
    /// are f64.
    ///
    /// # Errors
    /// [`MaskError::Grid`] for a grid without cells or finer than the pixels, [`MaskError::Value`]
    /// for a pixel that is not finite.
    pub fn from_pixels(
        pixels: ArrayView<'_, f32, D>,
        grid: impl IntoDimension<Dim = D>,
        pooling: Pooling,
    ) -> Result<Self, MaskError> {
        let grid = grid.into_dimension();
        let tiling = Tiling::new(pixels.shape(), grid.slice())?;
        check(&pixels, f32::is_finite, "a finite value")?;
        let cells: Vec<f32> = match pooling {
            Pooling::Mean => {
                let mut sums = vec![(0.0, 0usize); tiling.cells()];
                tiling.pieces(&pixels, |cell, values| {
                    sums[cell].0 += values.iter().map(|v| f64::from(*v)).sum::<f64>();
                    sums[cell].1 += values.len();
                });
                let mean = |(sum, n): (f64, usize)| (sum / n as f64) as f32;
                sums.into_iter().map(mean).collect()
            }
            Pooling::Max => {
                let mut most = vec![f32::NEG_INFINITY; tiling.cells()];
                tiling.pieces(&pixels, |cell, values| {
                    most[cell] = values.iter().fold(most[cell], |most, v| most.max(*v));
                });
                most
            }
        };
        let shape = grid.slice().to_vec();
        let cells = Array::from_shape_vec(grid, cells).map_err(|_| MaskError::Grid {
            grid: shape,
            pixels: pixels.shape().to_vec(),
        })?;
        Ok(Self { cells })
    }

    /// The value of each cell, in C order.
    pub fn cells(&self) -> &Array<f32, D> {
        &self.cells
    }

    /// The values in raster order, none of them below 0.
    pub(crate) fn weights(&self) -> Result<Vec<f32>, MaskError> {
        check(&self.cells.view(), |v| v >= 0.0, "0 or more")?;
        Ok(self.values())
    }

    /// The values in raster order.
    pub(crate) fn values(&self) -> Vec<f32> {
        self.cells.iter().copied().collect()
    }
}

fn check<D: Dimension>(
    cells: &ArrayView<'_, f32, D>,
    good: impl Fn(f32) -> bool,
    expected: &'static str,
) -> Result<(), MaskError> {
    match cells.iter().position(|v| !good(*v)) {
        None => Ok(()),
        Some(index) => {
            let at = indices(cells.raw_dim()).into_iter().nth(index);
            Err(MaskError::Value {
                value: cells.iter().nth(index).copied().unwrap_or_default(),
                at: at.map_or_else(Vec::new, |at| at.into_dimension().slice().to_vec()),
                expected,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn a_cell_takes_the_mean_or_the_most_of_its_pixels() {
        let pixels = array![[0.0, 1.0, 5.0], [2.0, 1.0, -1.0]];
        for (pooling, expected) in [
            (Pooling::Mean, array![[1.0, 1.5]]),
            (Pooling::Max, array![[2.0, 5.0]]),
        ] {
            let map = CellMap::from_pixels(pixels.view(), [1, 2], pooling).unwrap();
            assert_eq!(map.cells(), expected, "{pooling:?}");
            let volume = pixels.clone().insert_axis(ndarray::Axis(0));
            let map = CellMap::from_pixels(volume.view(), [1, 1, 2], pooling).unwrap();
            assert!(map.cells().iter().eq(expected.iter()), "{pooling:?} in 3-D");
        }
    }

    #[test]
    fn what_is_not_finite_is_named_with_its_place() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut pixels = Array2::<f32>::zeros((4, 6));
            pixels[[2, 5]] = value;
            for error in [
                CellMap::new(pixels.clone()).unwrap_err(),
                CellMap::from_pixels(pixels.view(), [2, 2], Pooling::Mean).unwrap_err(),
            ] {
                let message = error.to_string();
                assert!(message.contains("at [2, 5]"), "{message}");
            }
        }
        let negative = CellMap::new(array![[0.5, -0.5]]).unwrap();
        assert!(negative.weights().is_err());
    }
}
