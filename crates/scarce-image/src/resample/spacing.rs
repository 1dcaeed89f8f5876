//! Another spacing along a volume's own axes, without aliasing.

use super::taps::AxisTaps;
use super::{on_grid, rows};
use crate::{GeometryError, Volume};

/// The volume with another spacing along its own axes and the same field of view
/// ([`Grid::with_spacing_mm_xyz`](crate::Grid::with_spacing_mm_xyz)): linear interpolation where
/// the new spacing is finer, a triangle filter as wide as the new spacing where it is coarser, so
/// that nothing aliases (what Pillow and `torch.nn.functional.interpolate(antialias=True)` do in
/// 2-D).
///
/// # Errors
/// [`GeometryError::Spacing`] unless each spacing is positive and finite.
pub fn resample_spacing(
    volume: &Volume<f32>,
    spacing_mm_xyz: [f64; 3],
) -> Result<Volume<f32>, GeometryError> {
    let grid = volume.grid().with_spacing_mm_xyz(spacing_mm_xyz)?;
    let old = volume.geometry().spacing_mm_zyx();
    let new = grid.geometry.spacing_mm_zyx();
    let shape = volume.shape_zyx();
    if shape.contains(&0) {
        let zeros = vec![0.0; grid.shape_zyx.iter().product()];
        return Ok(on_grid(zeros, &grid));
    }
    let taps = [0, 1, 2].map(|axis| {
        let windows = triangles(shape[axis], grid.shape_zyx[axis], new[axis] / old[axis]);
        AxisTaps::from_windows(shape[axis], &windows).narrowed()
    });
    // A volume is contiguous by its own promise.
    let voxels = volume.voxels().as_slice().unwrap_or_default();
    let values = rows::weighted_sums(voxels, shape, &taps, grid.shape_zyx, 0.0);
    Ok(on_grid(values, &grid))
}

/// For each new sample: the first old sample it draws from, and the weights.
fn triangles(old: usize, new: usize, factor: f64) -> Vec<(usize, Vec<f32>)> {
    let support = factor.max(1.0);
    (0..new)
        .map(|i| {
            let centre = (i as f64 + 0.5) * factor - 0.5;
            let first = (centre - support).ceil().max(0.0) as usize;
            let last = ((centre + support).floor().max(0.0) as usize).min(old - 1);
            let first = first.min(last);
            let weights: Vec<f64> = (first..=last)
                // A weight of rounding alone would only cost time.
                .map(|k| 1.0 - (k as f64 - centre).abs() / support)
                .map(|weight| if weight > 1e-9 { weight } else { 0.0 })
                .collect();
            let total: f64 = weights.iter().sum();
            if total > 0.0 {
                (first, weights.iter().map(|w| (w / total) as f32).collect())
            } else {
                (first, vec![1.0])
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::Geometry;

    /// ```python
    /// from PIL import Image  # 12.0
    /// import numpy as np
    /// row = np.array([[0, 1, 4, 9, 16, 25, 36, 49, 64, 81]], dtype=np.float32)
    /// np.array(Image.fromarray(row).resize((4, 1), Image.BILINEAR))
    /// ```
    #[test]
    fn coarser_spacing_equals_pillow() {
        // The same numbers along each axis in turn.
        for axis in 0..3 {
            let mut shape = [1; 3];
            shape[axis] = 10;
            let voxels = Array3::from_shape_fn(shape, |(z, y, x)| ((z + y + x).pow(2)) as f32);
            let v = Volume::new(voxels, Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap());
            let mut spacing = [1.0; 3];
            spacing[2 - axis] = 2.5;
            let coarse = resample_spacing(&v, spacing).unwrap();
            assert_eq!(coarse.shape_zyx()[axis], 4);
            for (got, expected) in coarse.voxels().iter().zip(PILLOW) {
                assert!(
                    (f64::from(*got) - expected).abs() < 1e-4,
                    "{got} {expected}"
                );
            }
        }
    }

    const PILLOW: [f64; 4] = [1.727273, 11.56, 34.24, 64.727273];
}
