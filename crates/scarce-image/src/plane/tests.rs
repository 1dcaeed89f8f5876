//! Planes resized whole and in part.

use ndarray::{Array3, Axis};

use super::*;

/// A window's start and size, the new size, and what Pillow made of it.
type Resized<'a, T> = ([f64; 2], [f64; 2], [usize; 2], &'a [T]);

/// ```python
/// p = ((np.arange(35).reshape(5, 7) * 37) % 101).astype(np.float32)
/// ```
fn plane() -> Array3<f32> {
    Array3::from_shape_fn((1, 5, 7), |(_, y, x)| (((y * 7 + x) * 37) % 101) as f32)
}

/// ```python
/// # box = (left, top, right, bottom)
/// Image.fromarray(p).resize((w, h), Image.BILINEAR, box=box)
/// ```
#[test]
fn resizes_as_pillow_does() {
    let cases: [Resized<'_, f32>; 3] = [
        (
            [0.0, 0.0],
            [5.0, 7.0],
            [3, 4],
            &[
                41.7483, 50.6000, 37.3029, 52.5306, 43.0688, 56.2933, 47.1644, 62.7831, 43.6259,
                62.3714, 46.1886, 48.2245,
            ],
        ),
        (
            [0.5, 1.5],
            [3.75, 4.5],
            [3, 3],
            &[
                55.0741, 36.5093, 45.4352, 62.2393, 43.1709, 64.4701, 47.8633, 53.8291, 44.9145,
            ],
        ),
        (
            [1.0, 2.0],
            [2.0, 3.0],
            [4, 6],
            &[
                50.6875, 43.9375, 49.8125, 43.0625, 23.6875, 23.2500, 53.9375, 47.1875, 53.0625,
                46.3125, 26.9375, 26.5000, 69.8125, 63.0625, 43.6875, 36.9375, 42.8125, 55.0000,
                66.7500, 66.3125, 46.9375, 40.1875, 46.0625, 58.2500,
            ],
        ),
    ];
    for (start_yx, size_yx, new_yx, expected) in cases {
        let window = PlaneWindow { start_yx, size_yx };
        let got = resize_plane(plane().view(), window, new_yx);
        assert_eq!(got.dim(), (1, new_yx[0], new_yx[1]));
        for (got, expected) in got.iter().zip(expected) {
            assert!(
                (got - expected).abs() < 1e-3,
                "{window:?}: {got} {expected}"
            );
        }
    }
}

/// ```python
/// Image.fromarray(p.astype(np.uint8)).resize((w, h), Image.NEAREST, box=box)
/// ```
#[test]
fn takes_the_nearest_as_pillow_does() {
    let cases: [Resized<'_, u8>; 3] = [
        (
            [0.0, 0.0],
            [5.0, 7.0],
            [3, 4],
            &[0, 74, 47, 20, 13, 87, 60, 33, 26, 100, 73, 46],
        ),
        (
            [0.5, 1.5],
            [3.75, 4.5],
            [3, 3],
            &[30, 67, 40, 87, 23, 97, 43, 80, 53],
        ),
        (
            [1.0, 2.0],
            [2.0, 3.0],
            [4, 6],
            &[
                30, 30, 67, 67, 3, 3, 30, 30, 67, 67, 3, 3, 87, 87, 23, 23, 60, 60, 87, 87, 23, 23,
                60, 60,
            ],
        ),
    ];
    let bytes = plane().mapv(|v| v as u8);
    for (start_yx, size_yx, new_yx, expected) in cases {
        let window = PlaneWindow { start_yx, size_yx };
        let got = resize_plane_nearest(bytes.index_axis(Axis(0), 0), window, new_yx, 0);
        assert_eq!(
            got.iter().copied().collect::<Vec<_>>(),
            expected,
            "{window:?}"
        );
    }
}

#[test]
fn a_window_beyond_the_plane_has_what_lies_within() {
    let window = |start_yx, size_yx| PlaneWindow { start_yx, size_yx };
    let ones = Array3::from_elem((2, 4, 4), 1.0);
    let half = resize_plane(ones.view(), window([-4.0, 0.0], [8.0, 4.0]), [4, 2]);
    let rows: Vec<f32> = half.index_axis(Axis(0), 1).column(0).to_vec();
    assert_eq!(rows, [0.0, 1.0, 1.0, 1.0]);
    let empty = Array3::zeros((1, 0, 3));
    let whole = PlaneWindow::whole([0, 3]);
    assert_eq!(
        resize_plane(empty.view(), whole, [2, 2]),
        Array3::zeros((1, 2, 2))
    );
    let nearest = resize_plane_nearest(empty.index_axis(Axis(0), 0), whole, [1, 1], 7.0);
    assert_eq!(nearest, ndarray::arr2(&[[7.0]]));
}

#[test]
fn a_small_region_outlives_shrinking() {
    let mask = Array3::from_shape_fn((1, 6, 6), |(_, y, x)| (y, x) == (3, 4));
    let mask = mask.index_axis(Axis(0), 0);
    let inside = |window, size_yx| {
        let shrunk = resize_plane_any(mask, window, size_yx);
        let at = shrunk.indexed_iter().filter(|(_, v)| **v);
        at.map(|(at, _)| at).collect::<Vec<_>>()
    };
    let whole = PlaneWindow::whole([6, 6]);
    assert_eq!(inside(whole, [2, 2]), [(1, 1)]);
    assert_eq!(inside(whole, [6, 6]), [(3, 4)]);
    assert_eq!(inside(whole, [12, 6]), [(6, 4), (7, 4)]);
    // Four columns cover a pixel and a half each: the third from 3 to 4.5, the last from 4.5.
    assert_eq!(inside(whole, [6, 4]), [(3, 2), (3, 3)]);
    let part = PlaneWindow {
        start_yx: [0.0, 0.0],
        size_yx: [3.0, 6.0],
    };
    assert_eq!(inside(part, [2, 2]), []);
}
