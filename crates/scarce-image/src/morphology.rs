//! Binary erosion, dilation, opening and closing.

use ndarray::parallel::prelude::*;
use ndarray::{Array3, Axis};
use thiserror::Error;

use crate::crop::VoxelBox;
use crate::{Connectivity, Mask, distance_transform};

/// What a mask is grown or shrunk by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StructuringElement(Shape);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Steps(Connectivity, usize),
    BallMm(f64),
}

/// A ball's radius is no length.
#[derive(Debug, Error, Clone, Copy, PartialEq)]
#[error("ball of radius {radius_mm} mm: expected a finite number, not negative")]
pub struct RadiusError {
    /// The radius as it was given.
    pub radius_mm: f64,
}

impl StructuringElement {
    /// A voxel and its neighbours, applied `times` over: SciPy's `generate_binary_structure(3, c)`
    /// with `iterations=times`. Zero times changes nothing.
    pub fn steps(connectivity: Connectivity, times: usize) -> Self {
        Self(Shape::Steps(connectivity, times))
    }

    /// All voxels whose centres lie within `radius_mm`, whatever the spacing.
    ///
    /// # Errors
    /// [`RadiusError`] unless the radius is finite and not negative.
    pub fn ball_mm(radius_mm: f64) -> Result<Self, RadiusError> {
        if radius_mm.is_finite() && radius_mm >= 0.0 {
            Ok(Self(Shape::BallMm(radius_mm)))
        } else {
            Err(RadiusError { radius_mm })
        }
    }
}

/// The voxels that the element reaches from the mask: SciPy's `binary_dilation`.
pub fn dilate(mask: &Mask, element: StructuringElement) -> Mask {
    match element.0 {
        Shape::Steps(connectivity, times) => {
            repeat(mask, times, |from| step(from, connectivity, |a, b| a | b))
        }
        Shape::BallMm(radius) => dilate_by_ball(mask, radius),
    }
}

/// The voxels from which the element stays in the mask: SciPy's `binary_erosion`. Beyond the array
/// nothing is inside, so a mask is eroded from the array's faces too.
pub fn erode(mask: &Mask, element: StructuringElement) -> Mask {
    match element.0 {
        Shape::Steps(connectivity, times) => {
            repeat(mask, times, |from| step(from, connectivity, |a, b| a & b))
        }
        Shape::BallMm(radius) => erode_by_ball(mask, radius),
    }
}

/// Erosion, then dilation: what the element does not fit into is gone. SciPy's `binary_opening`.
///
/// ```
/// use ndarray::Array3;
/// use scarce_image::{Connectivity, Geometry, Mask, StructuringElement, open};
///
/// let mut voxels = Array3::from_elem((7, 7, 7), false);
/// voxels.slice_each_axis_mut(|_| (1..4).into()).fill(true);
/// voxels[[5, 5, 5]] = true; // a speck
/// let mask = Mask::new(voxels, Geometry::from_spacing_mm_xyz([1.0, 1.0, 1.0])?);
/// let opened = open(&mask, StructuringElement::steps(Connectivity::Corners26, 1));
/// assert_eq!(opened.voxels().iter().filter(|inside| **inside).count(), 27);
/// # Ok::<(), scarce_image::GeometryError>(())
/// ```
pub fn open(mask: &Mask, element: StructuringElement) -> Mask {
    dilate(&erode(mask, element), element)
}

/// Dilation, then erosion: gaps that the element does not fit into are closed. SciPy's
/// `binary_closing`, which also erodes from the array's faces.
pub fn close(mask: &Mask, element: StructuringElement) -> Mask {
    erode(&dilate(mask, element), element)
}

fn repeat(mask: &Mask, times: usize, step: impl Fn(&Array3<bool>) -> Array3<bool>) -> Mask {
    let mut voxels = mask.voxels().clone();
    for _ in 0..times {
        voxels = step(&voxels);
    }
    Mask::new(voxels, *mask.geometry())
}

/// Each voxel joined with its neighbours by `join`, false beyond the array. Whole rows are joined, so
/// that only the last step, along x, is not plain vector code.
fn step(
    from: &Array3<bool>,
    connectivity: Connectivity,
    join: impl Fn(bool, bool) -> bool + Sync,
) -> Array3<bool> {
    let (nz, ny, nx) = from.dim();
    let mut to = Array3::from_elem(from.raw_dim(), false);
    if from.is_empty() {
        return to;
    }
    let voxels = from.as_slice().unwrap_or_default();
    let blank = vec![false; nx];
    let row = |z: Option<usize>, y: Option<usize>| match (z, y) {
        (Some(z), Some(y)) if z < nz && y < ny => &voxels[(z * ny + y) * nx..][..nx],
        _ => &blank[..],
    };
    let fold = |into: &mut [bool], row: &[bool]| {
        for (a, b) in into.iter_mut().zip(row) {
            *a = join(*a, *b);
        }
    };
    to.axis_iter_mut(Axis(0))
        .into_par_iter()
        .enumerate()
        .for_each_init(
            // Rows that count with their neighbours along x too, a false voxel at either end.
            || vec![false; nx + 2],
            |wide, (z, slice)| {
                let slice = slice.into_slice().unwrap_or_default();
                for (y, to) in slice.chunks_exact_mut(nx).enumerate() {
                    wide[1..=nx].copy_from_slice(row(Some(z), Some(y)));
                    to.copy_from_slice(row(Some(z), Some(y)));
                    for (dz, dy) in AROUND {
                        let other = row(z.checked_add_signed(dz), y.checked_add_signed(dy));
                        let axes = dz.unsigned_abs() + dy.unsigned_abs();
                        if axes < connectivity.most_axes() {
                            fold(&mut wide[1..=nx], other);
                        } else if axes == connectivity.most_axes() {
                            fold(to, other);
                        }
                    }
                    for begin in 0..3 {
                        fold(to, &wide[begin..begin + nx]);
                    }
                }
            },
        );
    to
}

/// The rows around a row.
const AROUND: [(isize, isize); 8] = [
    (-1, -1),
    (-1, 0),
    (-1, 1),
    (0, -1),
    (0, 1),
    (1, -1),
    (1, 0),
    (1, 1),
];

/// A distance within rounding of the radius is within the ball.
const ROUNDING: f64 = 1.0 + 1e-9;

fn dilate_by_ball(mask: &Mask, radius_mm: f64) -> Mask {
    let mut dilated = mask.voxels().clone();
    let spacing = mask.geometry().spacing_mm_zyx();
    let reach = spacing.map(|s| (radius_mm * ROUNDING / s) as usize);
    // Distances are computed no further out than the ball reaches.
    if let Some(near) = VoxelBox::of_mask(mask) {
        let near = near.grown(reach, mask.shape_zyx());
        let outside = near.view(mask.voxels().view()).map(|inside| !inside);
        let distance = distance_transform(outside.view(), spacing);
        near.view_mut(&mut dilated)
            .zip_mut_with(&distance, |d, mm| *d = *mm <= radius_mm * ROUNDING);
    }
    Mask::new(dilated, *mask.geometry())
}

fn erode_by_ball(mask: &Mask, radius_mm: f64) -> Mask {
    let mut eroded = mask.voxels().clone();
    let spacing = mask.geometry().spacing_mm_zyx();
    let shape = mask.shape_zyx();
    let reach = spacing.map(|s| (radius_mm * ROUNDING / s) as usize);
    if let Some(near) = VoxelBox::of_mask(mask) {
        // With the layer of background around it that the distances are to.
        let near = near.grown([1; 3], shape);
        let inside = near.view(mask.voxels().view());
        let distance = distance_transform(inside, spacing);
        let begin = near.begin_zyx;
        let mut eroded = near.view_mut(&mut eroded);
        for (at, kept) in eroded.indexed_iter_mut() {
            let at: [usize; 3] = at.into();
            let clear_of_faces = (0..3).all(|a| {
                let i = begin[a] + at[a];
                i >= reach[a] && i + reach[a] < shape[a]
            });
            *kept = clear_of_faces && distance[at] > radius_mm * ROUNDING;
        }
    }
    Mask::new(eroded, *mask.geometry())
}

#[cfg(test)]
mod tests;
