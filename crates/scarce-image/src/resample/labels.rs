//! Labels on other grids.

use super::{affine, on_grid, resample_nearest, source_from_target};
use crate::{Grid, LabelMap};

/// How labels between voxel centres are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LabelInterpolation {
    /// The nearest voxel's.
    #[default]
    Nearest,
    /// The one with the largest share of the trilinear interpolation of all labels' one-hot maps,
    /// of equals the smallest label: smoother borders than the nearest.
    OneHotLinear,
}

/// Shares of the same size up to rounding are equal.
const TIE: f64 = 1e-9;

/// The label at each point of `onto`, `outside` beyond the field of view (half a voxel past the
/// outermost centres).
///
/// ```
/// use ndarray::Array3;
/// use scarce_image::{Geometry, LabelInterpolation, Volume, resample_labels};
///
/// let left_half = Array3::from_shape_fn((2, 2, 8), |(_, _, x)| u16::from(x < 4));
/// let labels = Volume::new(left_half, Geometry::from_spacing_mm_xyz([1.0, 1.0, 1.0])?);
/// let coarse = labels.grid().with_spacing_mm_xyz([2.0, 2.0, 2.0])?;
/// let onto_coarse = resample_labels(&labels, &coarse, LabelInterpolation::OneHotLinear, 0);
/// assert_eq!(onto_coarse.voxels().as_slice(), Some(&[1, 1, 0, 0][..]));
/// # Ok::<(), scarce_image::GeometryError>(())
/// ```
pub fn resample_labels(
    labels: &LabelMap,
    onto: &Grid,
    interpolation: LabelInterpolation,
    outside: u16,
) -> LabelMap {
    if interpolation == LabelInterpolation::Nearest {
        return resample_nearest(labels, onto, outside);
    }
    let voxels = labels.voxels();
    let shape = labels.shape_zyx();
    let map = source_from_target(labels, onto);
    let at = |c: [f64; 3]| {
        let mut near = [(0u16, 0.0); 8];
        for (near, (index, share)) in near.iter_mut().zip(affine::corners(c, shape)) {
            *near = (voxels[index], share);
        }
        let first = near[0].0;
        if near.iter().all(|(label, _)| *label == first) {
            first
        } else {
            largest_share(&near)
        }
    };
    let values = affine::sample((map, shape), onto.shape_zyx, [0.0, 1.0], outside, at, at);
    on_grid(values, onto)
}

fn largest_share(near: &[(u16, f64); 8]) -> u16 {
    let mut best = (0, f64::NEG_INFINITY);
    for (label, _) in near {
        let same = near.iter().filter(|(other, _)| other == label);
        let share: f64 = same.map(|(_, share)| share).sum();
        if share > best.1 + TIE || (share > best.1 - TIE && *label < best.0) {
            best = (*label, share);
        }
    }
    best.0
}
