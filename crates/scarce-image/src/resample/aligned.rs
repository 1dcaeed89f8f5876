//! Grids whose axes run along the volume's.

use std::borrow::Cow;

use glam::DAffine3;
use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

use super::rows;
use super::taps::{AxisTaps, nearest_indices};

/// Where a grid point lies in the source when each axis of the grid runs along one of the source's:
/// `source[order[a]] = offset[a] + scale[a]·target[a]`, array axes `(z, y, x)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AlignedMap {
    order: [usize; 3],
    scale: [f64; 3],
    offset: [f64; 3],
    shape_zyx: [usize; 3],
}

/// An off-axis entry is rounding while it moves no grid point by more than this, in voxels.
const ROUNDING: f64 = 1e-6;

impl AlignedMap {
    /// `None` for an oblique map.
    pub(super) fn new(source_from_target: DAffine3, shape_zyx: [usize; 3]) -> Option<Self> {
        let mut map = Self {
            order: [0; 3],
            scale: [0.0; 3],
            offset: [0.0; 3],
            shape_zyx,
        };
        let mut taken = [false; 3];
        for (axis, n) in shape_zyx.into_iter().enumerate() {
            let column = source_from_target.matrix3.col(2 - axis).to_array();
            let reach = n.saturating_sub(1).max(1) as f64;
            let mut along = (0..3).filter(|s| column[*s].abs() * reach > ROUNDING);
            let source_xyz = along.next()?;
            if along.next().is_some() || taken[source_xyz] {
                return None;
            }
            taken[source_xyz] = true;
            map.order[axis] = 2 - source_xyz;
            map.scale[axis] = column[source_xyz];
            map.offset[axis] = source_from_target.translation[source_xyz];
        }
        Some(map)
    }

    /// Weighted sums of voxels, with the weights that `taps` makes for an axis from the source's
    /// length, the grid's, scale and offset.
    pub(super) fn sample(
        &self,
        source: Cow<'_, Array3<f32>>,
        taps: impl Fn(usize, usize, f64, f64) -> AxisTaps,
        outside: f32,
    ) -> Vec<f32> {
        let along = source.view().permuted_axes(self.order);
        let along = along.as_standard_layout();
        let shape: [usize; 3] = along.dim().into();
        let tables = [0, 1, 2]
            .map(|a| taps(shape[a], self.shape_zyx[a], self.scale[a], self.offset[a]).narrowed());
        // `as_standard_layout` has made it contiguous.
        let voxels = along.as_slice().unwrap_or_default();
        rows::weighted_sums(voxels, shape, &tables, self.shape_zyx, outside)
    }

    /// The nearest voxels.
    pub(super) fn pick<T: Copy + Send + Sync>(
        &self,
        source: ArrayView3<'_, T>,
        outside: T,
    ) -> Vec<T> {
        let along = source.permuted_axes(self.order);
        let shape: [usize; 3] = along.dim().into();
        let [in_z, in_y, in_x] = [0, 1, 2]
            .map(|a| nearest_indices(shape[a], self.shape_zyx[a], self.scale[a], self.offset[a]));
        let [nz, ny, nx] = self.shape_zyx;
        let mut values = vec![outside; nz * ny * nx];
        values
            .par_chunks_mut(nx.max(1))
            .enumerate()
            .for_each(|(row, values)| {
                let (Some(z), Some(y)) = (in_z[row / ny], in_y[row % ny]) else {
                    return;
                };
                let plane = along.index_axis(ndarray::Axis(0), z);
                let line = plane.index_axis(ndarray::Axis(0), y);
                // Slices are indexed faster than the strided lines of permuted axes.
                if let Some(line) = line.as_slice() {
                    for (value, x) in values.iter_mut().zip(&in_x) {
                        *value = x.map_or(outside, |x| line[x]);
                    }
                } else {
                    for (value, x) in values.iter_mut().zip(&in_x) {
                        *value = x.map_or(outside, |x| line[x]);
                    }
                }
            });
        values
    }
}
