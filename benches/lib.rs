//! What the benches share: their statistics and their phantoms.
//!
//! One file a subject. A bench's group begins with its subject (`image/resample_linear`), by which
//! `cargo xtask bench` gathers the figures.

use std::time::Duration;

use criterion::Criterion;
use ndarray::Array3;
use scarce_image::{Geometry, GeometryError, LabelMap, Volume};

/// Few samples: the benches run on each commit, and what they look for is a change by half.
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args()
}

/// An anisotropic chest-like volume of `side` voxels in-plane and half as many slices, in Hounsfield
/// units: an ellipsoid of soft tissue in air, with a ripple so that no two slices are alike.
///
/// # Errors
/// None: the spacing is a constant that [`Geometry`] accepts.
pub fn phantom(side: usize) -> Result<Volume<f32>, GeometryError> {
    let shape = (side / 2, side, side);
    let voxels = Array3::from_shape_fn(shape, |at| {
        let ripple = (0.3 * at.0 as f32).sin() * 20.0 + (0.7 * at.2 as f32).cos() * 20.0;
        if radius(at, shape, 0.0) < 0.8 {
            40.0 + ripple
        } else {
            -1000.0
        }
    });
    Ok(Volume::new(voxels, geometry()?))
}

/// Labels on [`phantom`]'s grid: 1 the body, 2 and 3 two organs in it.
///
/// # Errors
/// As [`phantom`].
pub fn label_phantom(side: usize) -> Result<LabelMap, GeometryError> {
    let shape = (side / 2, side, side);
    let voxels = Array3::from_shape_fn(shape, |at| {
        if radius(at, shape, 0.3) < 0.25 {
            2
        } else if radius(at, shape, -0.3) < 0.2 {
            3
        } else {
            u16::from(radius(at, shape, 0.0) < 0.8)
        }
    });
    Ok(Volume::new(voxels, geometry()?))
}

fn geometry() -> Result<Geometry, GeometryError> {
    Geometry::from_spacing_mm_xyz([0.8, 0.8, 2.0])
}

/// Distance from the centre, shifted by `shift` along x, where the box's faces are at 1.
fn radius((z, y, x): (usize, usize, usize), shape: (usize, usize, usize), shift: f32) -> f32 {
    let relative = |at: usize, n: usize| 2.0 * at as f32 / n as f32 - 1.0;
    let (z, y, x) = (
        relative(z, shape.0),
        relative(y, shape.1),
        relative(x, shape.2) - shift,
    );
    (z * z + y * y + x * x).sqrt()
}
