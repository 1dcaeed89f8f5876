//! Volumes on other grids.

use glam::DVec3;
use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, Axis, Zip};

use crate::{GeometryError, Grid, Volume};

/// The value of the nearest voxel at each point of `onto`, `outside` beyond the field of view
/// (half a voxel past the outermost centres). For labels.
pub fn resample_nearest<T: Copy + Send + Sync>(
    volume: &Volume<T>,
    onto: &Grid,
    outside: T,
) -> Volume<T> {
    let voxels = volume.voxels();
    let shape = volume.shape_zyx();
    sample(volume, onto, |at| {
        let index = [at.z, at.y, at.x].map(|c| (c + 0.5).floor());
        let inside = (0..3).all(|a| index[a] >= 0.0 && index[a] < shape[a] as f64);
        if inside {
            voxels[index.map(|c| c as usize)]
        } else {
            outside
        }
    })
}

/// The trilinear value at each point of `onto`, `outside` beyond the field of view; between the
/// outermost centres and the edge of the field of view the outermost value holds. Grids much
/// coarser than the volume alias: see [`resample_spacing`].
pub fn resample_linear(volume: &Volume<f32>, onto: &Grid, outside: f32) -> Volume<f32> {
    let voxels = volume.voxels().view();
    let shape = volume.shape_zyx();
    sample(volume, onto, |at| {
        let c = [at.z, at.y, at.x];
        if (0..3).all(|a| c[a] >= -0.5 && c[a] <= shape[a] as f64 - 0.5) {
            trilinear(voxels, shape, c)
        } else {
            outside
        }
    })
}

fn sample<T: Copy, U: Copy + Send>(
    volume: &Volume<T>,
    onto: &Grid,
    value: impl Fn(DVec3) -> U + Sync,
) -> Volume<U> {
    let source_from_target =
        volume.geometry().voxel_from_world() * onto.geometry.world_from_voxel();
    let [nz, ny, nx] = onto.shape_zyx;
    let values: Vec<U> = (0..nz * ny)
        .into_par_iter()
        .flat_map_iter(|row| {
            let (z, y) = (row / ny, row % ny);
            let value = &value;
            (0..nx).map(move |x| {
                let target = DVec3::new(x as f64, y as f64, z as f64);
                value(source_from_target.transform_point3(target))
            })
        })
        .collect();
    // The count is the product of the shape by construction.
    let voxels = Array3::from_shape_vec((nz, ny, nx), values)
        .unwrap_or_else(|_| unreachable!("one value a grid point"));
    Volume::new(voxels, onto.geometry)
}

fn trilinear(voxels: ArrayView3<'_, f32>, shape: [usize; 3], at_zyx: [f64; 3]) -> f32 {
    let mut low = [0; 3];
    let mut high = [0; 3];
    let mut weight = [0.0; 3];
    for axis in 0..3 {
        let last = shape[axis] - 1;
        let c = at_zyx[axis].clamp(0.0, last as f64);
        low[axis] = c.floor() as usize;
        high[axis] = (low[axis] + 1).min(last);
        weight[axis] = c - low[axis] as f64;
    }
    let mut sum = 0.0;
    for corner in 0..8 {
        let mut index = low;
        let mut share = 1.0;
        for axis in 0..3 {
            if corner >> axis & 1 == 1 {
                index[axis] = high[axis];
                share *= weight[axis];
            } else {
                share *= 1.0 - weight[axis];
            }
        }
        sum += share * f64::from(voxels[index]);
    }
    sum as f32
}

/// The volume with another spacing along its own axes and the same field of view
/// ([`Grid::with_spacing_mm_xyz`]): linear interpolation where the new spacing is finer, a triangle
/// filter as wide as the new spacing where it is coarser, so that nothing aliases (what Pillow and
/// `torch.nn.functional.interpolate(antialias=True)` do in 2-D).
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
    let mut voxels = volume.voxels().to_owned();
    // x first: it shrinks the array along the lines that lie together in memory.
    for axis in [2, 1, 0] {
        let factor = new[axis] / old[axis];
        let taps = triangle_taps(voxels.len_of(Axis(axis)), grid.shape_zyx[axis], factor);
        voxels = filter_axis(&voxels, Axis(axis), &taps);
    }
    Ok(Volume::new(voxels, grid.geometry))
}

/// For each new sample: the first old sample it draws from, and the weights.
fn triangle_taps(old: usize, new: usize, factor: f64) -> Vec<(usize, Vec<f32>)> {
    let support = factor.max(1.0);
    (0..new)
        .map(|i| {
            let centre = (i as f64 + 0.5) * factor - 0.5;
            let first = (centre - support).ceil().max(0.0) as usize;
            let last = ((centre + support).floor().max(0.0) as usize).min(old - 1);
            let first = first.min(last);
            let weights: Vec<f64> = (first..=last)
                .map(|k| (1.0 - (k as f64 - centre).abs() / support).max(0.0))
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

fn filter_axis(voxels: &Array3<f32>, axis: Axis, taps: &[(usize, Vec<f32>)]) -> Array3<f32> {
    let mut shape = voxels.dim();
    match axis.index() {
        0 => shape.0 = taps.len(),
        1 => shape.1 = taps.len(),
        _ => shape.2 = taps.len(),
    }
    let mut out = Array3::zeros(shape);
    if axis.index() == 2 {
        Zip::from(out.lanes_mut(axis))
            .and(voxels.lanes(axis))
            .par_for_each(|mut to, from| {
                for (value, (first, weights)) in to.iter_mut().zip(taps) {
                    let near = from.iter().skip(*first).zip(weights);
                    *value = near.map(|(v, w)| v * w).sum();
                }
            });
    } else {
        // Whole slabs are added, which the compiler turns into vector code.
        out.axis_iter_mut(axis)
            .into_par_iter()
            .zip(taps)
            .for_each(|(mut to, (first, weights))| {
                for (k, weight) in weights.iter().enumerate() {
                    to.scaled_add(*weight, &voxels.index_axis(axis, first + k));
                }
            });
    }
    out
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::Geometry;

    fn volume(spacing_mm_xyz: [f64; 3]) -> Volume<f32> {
        let voxels = Array3::from_shape_fn((4, 5, 6), |(z, y, x)| {
            ((z * 7 + y * 3 + x * 5) % 11) as f32 + 0.25 * x as f32
        });
        Volume::new(
            voxels,
            Geometry::from_spacing_mm_xyz(spacing_mm_xyz).unwrap(),
        )
    }

    /// ```python
    /// import numpy as np
    /// from scipy.ndimage import map_coordinates
    /// z, y, x = np.indices((4, 5, 6))
    /// v = ((z * 7 + y * 3 + x * 5) % 11) + .25 * x
    /// map_coordinates(v, [[1.3, .2, 2.9], [2.6, .1, 3.5], [4.2, 1.7, .4]], order=1)
    /// ```
    #[test]
    fn linear_equals_scipy() {
        let v = volume([1.0, 1.0, 1.0]);
        for (at, expected) in [
            ([1.3, 2.6, 4.2], LINEAR[0]),
            ([0.2, 0.1, 1.7], LINEAR[1]),
            ([2.9, 3.5, 0.4], LINEAR[2]),
        ] {
            let got = trilinear(v.voxels().view(), v.shape_zyx(), at);
            assert!((f64::from(got) - expected).abs() < 1e-5, "{at:?}: {got}");
        }
    }

    #[test]
    fn the_own_grid_changes_nothing() {
        let v = volume([0.7, 0.8, 2.5]);
        assert_eq!(resample_nearest(&v, &v.grid(), -1.0), v);
        let linear = resample_linear(&v, &v.grid(), -1.0);
        let spaced = resample_spacing(&v, v.geometry().spacing_mm_xyz()).unwrap();
        for other in [linear, spaced] {
            for (a, b) in other.voxels().iter().zip(v.voxels()) {
                assert!((a - b).abs() < 1e-4, "{a} {b}");
            }
        }
    }

    #[test]
    fn beyond_the_field_of_view_is_outside() {
        let v = volume([1.0, 1.0, 1.0]);
        let geometry = Geometry::axis_aligned([1.0; 3], DVec3::new(-2.0, 0.0, 0.0)).unwrap();
        let onto = Grid {
            shape_zyx: [1, 1, 4],
            geometry,
        };
        let nearest = resample_nearest(&v, &onto, -9.0);
        let linear = resample_linear(&v, &onto, -9.0);
        for volume in [nearest, linear] {
            let row: Vec<f32> = volume.voxels().iter().copied().collect();
            assert_eq!(
                row,
                [-9.0, -9.0, v.voxels()[[0, 0, 0]], v.voxels()[[0, 0, 1]]]
            );
        }
    }

    /// ```python
    /// from PIL import Image  # 12.0
    /// import numpy as np
    /// row = np.array([[0, 1, 4, 9, 16, 25, 36, 49, 64, 81]], dtype=np.float32)
    /// np.array(Image.fromarray(row).resize((4, 1), Image.BILINEAR))
    /// ```
    #[test]
    fn coarser_spacing_equals_pillow() {
        let voxels = Array3::from_shape_fn((1, 1, 10), |(_, _, x)| (x * x) as f32);
        let v = Volume::new(voxels, Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap());
        let coarse = resample_spacing(&v, [2.5, 1.0, 1.0]).unwrap();
        assert_eq!(coarse.shape_zyx(), [1, 1, 4]);
        for (got, expected) in coarse.voxels().iter().zip(PILLOW) {
            assert!(
                (f64::from(*got) - expected).abs() < 1e-4,
                "{got} {expected}"
            );
        }
    }

    const LINEAR: [f64; 3] = [5.29000000, 7.80900000, 3.97000000];
    const PILLOW: [f64; 4] = [1.727273, 11.56, 34.24, 64.727273];
}
