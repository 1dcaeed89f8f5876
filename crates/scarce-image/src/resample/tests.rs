//! Resampling against SciPy and Pillow.

use glam::{DAffine3, DMat3, DVec3};
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

/// A grid of 3 × 3 × 3 points of a unit volume, `(z, y, x)` = `start` + columns · index.
fn grid(columns_xyz: [[f64; 3]; 3], start_xyz: [f64; 3]) -> Grid {
    let [x, y, z] = columns_xyz.map(DVec3::from_array);
    Grid {
        shape_zyx: [3, 3, 3],
        geometry: Geometry::new(DAffine3 {
            matrix3: DMat3::from_cols(x, y, z),
            translation: DVec3::from_array(start_xyz),
        })
        .unwrap(),
    }
}

/// Aligned, flipped and permuted grids, and oblique ones, against SciPy's values at the centre and at
/// the first and the last point.
///
/// ```python
/// import numpy as np
/// from scipy.ndimage import map_coordinates
/// z, y, x = np.indices((4, 5, 6))
/// v = ((z * 7 + y * 3 + x * 5) % 11) + .25 * x
/// for columns, start in GRIDS:
///     for order in (1, 3):
///         at = np.array([np.array(start) + i * np.array(columns).sum(0) for i in (0, 1, 2)])
///         at = at[:, ::-1].T
///         if order == 1:  # the outermost value holds
///             at = at.clip(0, np.array(v.shape)[:, None] - 1)
///         print(map_coordinates(v, at, order=order, mode="mirror"))
/// ```
#[test]
fn equals_scipy() {
    let v = volume([1.0; 3]);
    for ((columns, start), expected) in GRIDS.into_iter().zip(SCIPY) {
        let onto = grid(columns, start);
        for (interpolation, expected) in [Interpolation::Linear, Interpolation::CubicBSpline]
            .into_iter()
            .zip(expected)
        {
            let got = resample(&v, &onto, interpolation, -99.0);
            for (i, expected) in expected.into_iter().enumerate() {
                let got = f64::from(got.voxels()[[i, i, i]]);
                assert!(
                    (got - expected).abs() < 1e-5,
                    "{columns:?} {interpolation:?} {i}: {got} {expected}"
                );
            }
        }
    }
}

/// The table path and the point path are two ways to the same values, borders included.
#[test]
fn a_hair_of_rotation_changes_nothing() {
    let v = volume([1.0; 3]);
    let turn = DMat3::from_rotation_z(1e-5) * DMat3::from_rotation_y(1e-5);
    for scale in [0.4, 0.77, 1.3] {
        let aligned = DAffine3 {
            matrix3: DMat3::from_diagonal(DVec3::splat(scale)),
            translation: DVec3::new(-0.935, -0.815, -0.745),
        };
        let oblique = DAffine3 {
            matrix3: turn * aligned.matrix3,
            ..aligned
        };
        let [a, b] = [aligned, oblique].map(|affine| Grid {
            shape_zyx: [9, 10, 11],
            geometry: Geometry::new(affine).unwrap(),
        });
        for interpolation in [
            Interpolation::Nearest,
            Interpolation::Linear,
            Interpolation::CubicBSpline,
        ] {
            let [a, b] = [a, b].map(|onto| resample(&v, &onto, interpolation, 0.0));
            for (a, b) in a.voxels().iter().zip(b.voxels()) {
                assert!((a - b).abs() < 5e-3, "{interpolation:?}: {a} {b}");
            }
        }
    }
}

#[test]
fn the_own_grid_changes_nothing() {
    let v = volume([0.7, 0.8, 2.5]);
    assert_eq!(resample_nearest(&v, &v.grid(), -1.0), v);
    assert_eq!(resample_linear(&v, &v.grid(), -1.0), v);
    let spaced = resample_spacing(&v, v.geometry().spacing_mm_xyz()).unwrap();
    let cubic = resample(&v, &v.grid(), Interpolation::CubicBSpline, -1.0);
    for other in [spaced, cubic] {
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
    for interpolation in [
        Interpolation::Nearest,
        Interpolation::Linear,
        Interpolation::CubicBSpline,
    ] {
        let row = resample(&v, &onto, interpolation, -9.0);
        let expected = [-9.0, -9.0, v.voxels()[[0, 0, 0]], v.voxels()[[0, 0, 1]]];
        for (got, expected) in row.voxels().iter().zip(expected) {
            assert!((got - expected).abs() < 1e-4, "{interpolation:?}: {got}");
        }
    }
}

#[test]
fn ties_between_labels_go_to_the_smaller() {
    let labels = Array3::from_shape_vec((1, 1, 4), vec![5, 3, 3, 7]).unwrap();
    let labels = Volume::new(labels, Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap());
    for (first, step, expected) in [
        (0.5, 1.0, [3, 3, 3]),
        (0.4, 1.0, [5, 3, 3]),
        (2.4, 0.2, [3, 7, 7]),
        (3.4, 1.0, [7, 0, 0]),
    ] {
        let onto = Grid {
            shape_zyx: [1, 1, 3],
            geometry: Geometry::axis_aligned([step, 1.0, 1.0], DVec3::new(first, 0.0, 0.0))
                .unwrap(),
        };
        let got = resample_labels(&labels, &onto, LabelInterpolation::OneHotLinear, 0);
        assert_eq!(got.voxels().as_slice().unwrap(), expected, "{first}");
    }
}

const GRIDS: [([[f64; 3]; 3], [f64; 3]); 4] = [
    (
        [[1.7, 0.0, 0.0], [0.0, 1.3, 0.0], [0.0, 0.0, 0.9]],
        [0.6, -0.4, 0.2],
    ),
    (
        [[0.0, 0.9, 0.0], [0.0, 0.0, -1.1], [2.1, 0.0, 0.0]],
        [-0.3, 1.2, 3.1],
    ),
    (
        [[-1.3, 0.0, 0.0], [0.0, -0.8, 0.0], [0.0, 0.0, 0.5]],
        [4.9, 3.6, 1.4],
    ),
    (
        [[1.1, 0.3, 0.2], [-0.3, 1.0, 0.1], [0.1, 0.2, 0.7]],
        [1.2, 0.4, 0.3],
    ),
];
const SCIPY: [[[f64; 3]; 2]; 4] = [
    [
        [3.23000000, 7.40500000, 8.60000000],
        [3.64720296, 8.64510947, 9.10228571],
    ],
    [
        [2.60000000, 6.87000000, 4.86500000],
        [2.94273080, 7.64135317, 4.11907735],
    ],
    [
        [5.53700000, 8.04000000, 6.49500000],
        [5.56534777, 10.26537913, 7.03877760],
    ],
    [
        [5.68400000, 4.22100000, 5.75000000],
        [6.66223476, 3.82982952, 5.92672880],
    ],
];
