//! Morphology against SciPy.

use super::*;
use crate::Geometry;

const SPACING_ZYX: [f64; 3] = [2.0, 1.0, 0.8];

/// Blobs that touch the faces, with gaps and specks.
fn blobs() -> Mask {
    let voxels = Array3::from_shape_fn((9, 12, 20), |(z, y, x)| {
        let [z, y, x] = [z, y, x].map(|i| i as u64);
        let noise = ((z * 73856093) ^ (y * 19349663) ^ (x * 83492791)) % 1009 % 100;
        (z / 3 + y / 4 + x / 5) % 2 == 0 && noise < 85 || noise < 10
    });
    let [z, y, x] = SPACING_ZYX;
    Mask::new(voxels, Geometry::from_spacing_mm_xyz([x, y, z]).unwrap())
}

/// Voxel counts and a weighted sum that tells masks of equal count apart.
///
/// ```python
/// import numpy as np
/// from scipy import ndimage as nd
/// z, y, x = np.indices((9, 12, 20)).astype(np.uint64)
/// noise = (z * 73856093 ^ y * 19349663 ^ x * 83492791) % 1009 % 100
/// m = (((z // 3 + y // 4 + x // 5) % 2 == 0) & (noise < 85)) | (noise < 10)
/// def ball(r):
///     h = [int(r / s * (1 + 1e-9)) for s in (2, 1, .8)]
///     g = np.mgrid[tuple(slice(-n, n + 1) for n in h)]
///     return sum((a * s) ** 2 for a, s in zip(g, (2, 1, .8))) <= (r * (1 + 1e-9)) ** 2
/// elements = [(nd.generate_binary_structure(3, c), n) for c, n in ((1, 1), (1, 2), (2, 1), (2, 2), (3, 1))]
/// elements += [(ball(r), 1) for r in (1, 1.6, 2.4, 4)]
/// for f in (nd.binary_erosion, nd.binary_dilation, nd.binary_opening, nd.binary_closing):
///     for s, n in elements:
///         out = f(m, s, iterations=n)
///         print((out.sum(), (out.ravel() * (np.arange(out.size) % 97)).sum()))
/// ```
#[test]
fn equals_scipy() {
    let mask = blobs();
    let mut elements: Vec<StructuringElement> = [
        (Connectivity::Faces6, 1),
        (Connectivity::Faces6, 2),
        (Connectivity::Edges18, 1),
        (Connectivity::Edges18, 2),
        (Connectivity::Corners26, 1),
    ]
    .into_iter()
    .map(|(connectivity, times)| StructuringElement::steps(connectivity, times))
    .collect();
    for radius in [1.0, 1.6, 2.4, 4.0] {
        elements.push(StructuringElement::ball_mm(radius).unwrap());
    }
    let operations = [erode, dilate, open, close];
    let mut expected = SCIPY.into_iter();
    for (which, operation) in operations.into_iter().enumerate() {
        for element in &elements {
            let out = operation(&mask, *element);
            let inside = || out.voxels().iter().enumerate().filter(|(_, v)| **v);
            let got = (inside().count(), inside().map(|(i, _)| i % 97).sum());
            assert_eq!(Some(got), expected.next(), "{which} {element:?}");
        }
    }
}

#[test]
fn nothing_stays_nothing_and_no_step_changes_nothing() {
    let mask = blobs();
    let nothing = mask.map(|_| false);
    let unit = StructuringElement::ball_mm(0.0).unwrap();
    let none = StructuringElement::steps(Connectivity::Faces6, 0);
    let ball = StructuringElement::ball_mm(3.0).unwrap();
    for operation in [erode, dilate, open, close] {
        assert_eq!(operation(&mask, none), mask);
        assert_eq!(operation(&mask, unit), mask);
        assert_eq!(operation(&nothing, ball), nothing);
    }
    for radius in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(StructuringElement::ball_mm(radius).is_err());
    }
}

const SCIPY: [(usize, usize); 36] = [
    (53, 2806),
    (0, 0),
    (6, 260),
    (0, 0),
    (4, 160),
    (185, 8987),
    (26, 1182),
    (0, 0),
    (0, 0),
    (1998, 95279),
    (2158, 102631),
    (2118, 100946),
    (2160, 102757),
    (2134, 101670),
    (1833, 87611),
    (2067, 98727),
    (2160, 102757),
    (2160, 102757),
    (290, 14330),
    (0, 0),
    (78, 3306),
    (0, 0),
    (48, 1920),
    (604, 28550),
    (228, 10281),
    (0, 0),
    (0, 0),
    (960, 45915),
    (640, 32056),
    (1109, 52762),
    (640, 32056),
    (1120, 53036),
    (1045, 49607),
    (1189, 57023),
    (784, 37930),
    (200, 9969),
];
