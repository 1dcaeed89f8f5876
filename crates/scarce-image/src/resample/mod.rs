//! Volumes on other grids.

mod affine;
mod aligned;
mod bspline;
mod labels;
mod rows;
mod spacing;
mod taps;

use std::borrow::Cow;

use glam::DAffine3;
use ndarray::Array3;

pub use labels::{LabelInterpolation, resample_labels};
pub use spacing::resample_spacing;

use crate::{Grid, Volume};
use aligned::AlignedMap;
use taps::AxisTaps;

/// How the values between voxel centres are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interpolation {
    /// The nearest voxel's value; halfway between two, the one with the higher index.
    Nearest,
    /// Trilinear.
    #[default]
    Linear,
    /// The cubic B-spline through all voxels, mirrored at the outermost centres: SciPy's
    /// `spline_filter` and `map_coordinates(order=3, mode="mirror")`, SimpleITK's `sitkBSpline`.
    /// It overshoots at steep edges, so a resampled CT may hold values below −1024.
    CubicBSpline,
}

/// How far beyond the edge of the field of view, in voxels, a point still counts as inside: the
/// rounding of two affines must not turn a face of the volume into `outside`.
const EDGE: f64 = 1e-6;

/// The value at each point of `onto`, `outside` beyond the field of view (half a voxel past the
/// outermost centres). Grids much coarser than the volume alias: see [`resample_spacing`].
///
/// Grids whose axes run along the volume's, also permuted or flipped, take a path of weight tables
/// many times faster than oblique ones.
///
/// ```
/// use ndarray::Array3;
/// use scarce_image::{Geometry, Interpolation, Volume, resample};
///
/// let ramp = Array3::from_shape_fn((4, 4, 4), |(_, _, x)| x as f32);
/// let volume = Volume::new(ramp, Geometry::from_spacing_mm_xyz([2.0, 2.0, 2.0])?);
/// let fine = volume.grid().with_spacing_mm_xyz([1.0, 2.0, 2.0])?;
/// let onto_fine = resample(&volume, &fine, Interpolation::Linear, 0.0);
/// assert_eq!(onto_fine.shape_zyx(), [4, 4, 8]);
/// assert_eq!(onto_fine.voxels()[[0, 0, 3]], 1.25);
/// # Ok::<(), scarce_image::GeometryError>(())
/// ```
pub fn resample(
    volume: &Volume<f32>,
    onto: &Grid,
    interpolation: Interpolation,
    outside: f32,
) -> Volume<f32> {
    match interpolation {
        Interpolation::Nearest => resample_nearest(volume, onto, outside),
        Interpolation::Linear => resample_linear(volume, onto, outside),
        Interpolation::CubicBSpline => {
            let coefficients = Cow::Owned(bspline::coefficients(volume.voxels()));
            let map = source_from_target(volume, onto);
            let values = match AlignedMap::new(map, onto.shape_zyx) {
                Some(aligned) => aligned.sample(coefficients, AxisTaps::cubic, outside),
                None => affine::cubic(&coefficients, map, onto.shape_zyx, outside),
            };
            on_grid(values, onto)
        }
    }
}

/// The value of the nearest voxel at each point of `onto`, `outside` beyond the field of view
/// (half a voxel past the outermost centres). For labels, and for any other kind of voxel.
pub fn resample_nearest<T: Copy + Send + Sync>(
    volume: &Volume<T>,
    onto: &Grid,
    outside: T,
) -> Volume<T> {
    let map = source_from_target(volume, onto);
    let values = match AlignedMap::new(map, onto.shape_zyx) {
        Some(aligned) => aligned.pick(volume.voxels().view(), outside),
        None => affine::nearest_voxels(volume.voxels(), map, onto.shape_zyx, outside),
    };
    on_grid(values, onto)
}

/// The trilinear value at each point of `onto`, `outside` beyond the field of view; between the
/// outermost centres and the edge of the field of view the outermost value holds. Grids much
/// coarser than the volume alias: see [`resample_spacing`].
pub fn resample_linear(volume: &Volume<f32>, onto: &Grid, outside: f32) -> Volume<f32> {
    let map = source_from_target(volume, onto);
    let values = match AlignedMap::new(map, onto.shape_zyx) {
        Some(aligned) => aligned.sample(Cow::Borrowed(volume.voxels()), AxisTaps::linear, outside),
        None => affine::linear(volume.voxels(), map, onto.shape_zyx, outside),
    };
    on_grid(values, onto)
}

/// The map from a voxel `(x, y, z)` of `onto` to one of `volume`.
fn source_from_target<T>(volume: &Volume<T>, onto: &Grid) -> DAffine3 {
    volume.geometry().voxel_from_world() * onto.geometry.world_from_voxel()
}

fn on_grid<T: Clone>(values: Vec<T>, onto: &Grid) -> Volume<T> {
    // The count is the product of the shape by construction.
    let voxels = Array3::from_shape_vec(onto.shape_zyx, values)
        .unwrap_or_else(|_| unreachable!("one value a grid point"));
    Volume::new(voxels, onto.geometry)
}

#[cfg(test)]
mod tests;
