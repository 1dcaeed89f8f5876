//! The dense conditional random field beside pydensecrf, and led through a volume.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ndarray::{Array2, Array3};
use scarce_image::{Geometry, Volume};
use scarce_vlm::LocalizeError;
use scarce_vlm::binarize::{Binarization, CrfOptions};
use scarce_vlm::picture::Picture;
use scarce_vlm::slices::{Display, Shown};

const SIZE: (usize, usize) = (9, 13);

fn heat() -> Array2<f32> {
    Array2::from_shape_fn(SIZE, |(y, x)| {
        let square = |at: usize, centre: f32| (at as f32 - centre).powi(2);
        (-(square(x, 6.0) + square(y, 4.0)) / 12.0).exp()
    })
}

fn picture() -> Picture {
    let rgb = Array3::from_shape_fn((SIZE.0, SIZE.1, 3), |(y, x, channel)| match channel {
        0 => 40 + 12 * x as u8,
        1 => 200 - 9 * y as u8,
        _ => 30 + 90 * u8::from(x > 3 && x < 10 && y > 1),
    });
    Picture::new(rgb).unwrap()
}

/// ```python
/// y, x = np.mgrid[:9, :13]
/// heat = np.exp(-((x - 6) ** 2 + (y - 4) ** 2) / 12.0).astype(np.float32)
/// rgb = np.stack([40 + 12 * x, 200 - 9 * y, 30 + 90 * ((x > 3) & (x < 10) & (y > 1))], -1).astype(np.uint8)
/// def energy(s): return -np.log(s + 1e-6) / (1 / (1 + np.exp(-s)))
/// unary = np.stack([energy(1 - heat), energy(heat)]).reshape(2, -1).astype(np.float32)
/// d = pydensecrf.densecrf.DenseCRF2D(13, 9, 2)              # pydensecrf2 1.1
/// d.setUnaryEnergy(unary)
/// d.addPairwiseGaussian(sxy=3, compat=3)
/// d.addPairwiseBilateral(sxy=50, srgb=5, rgbim=rgb, compat=5)
/// q = np.array(d.inference(iterations))[1].reshape(9, 13)   # printed: q[2], q[5], q.sum()
/// ```
#[test]
fn equals_pydensecrf() {
    let check = |iterations: usize, rows: [[f32; 13]; 2], sum: f32| {
        let options = CrfOptions {
            iterations,
            ..CrfOptions::default()
        };
        let found = options.likelihood(heat().view(), &picture()).unwrap();
        for (row, expected) in [2, 5].into_iter().zip(rows) {
            for (x, expected) in expected.into_iter().enumerate() {
                let found = found[[row, x]];
                assert!(
                    (found - expected).abs() < 1e-4,
                    "{iterations} ({row}, {x}): {found} {expected}"
                );
            }
        }
        assert!((found.sum() - sum).abs() < 1e-3, "{} {sum}", found.sum());
    };
    check(
        1,
        [
            [
                1.587568e-06,
                1.759213e-05,
                1.630231e-04,
                5.34763e-03,
                4.746358e-01,
                9.695464e-01,
                9.889451e-01,
                9.620156e-01,
                4.750542e-01,
                7.287259e-03,
                1.822491e-04,
                1.579283e-05,
                1.718998e-06,
            ],
            [
                2.674261e-06,
                3.278792e-05,
                4.703193e-04,
                4.561919e-02,
                9.274052e-01,
                9.990435e-01,
                9.997967e-01,
                9.988614e-01,
                9.489346e-01,
                4.151531e-02,
                4.980668e-04,
                3.06729e-05,
                2.866377e-06,
            ],
        ],
        23.129423,
    );
    check(
        3,
        [
            [
                1.151794e-06,
                1.11344e-05,
                5.376545e-05,
                4.022954e-04,
                2.397576e-01,
                9.924771e-01,
                9.941139e-01,
                9.878584e-01,
                1.994385e-01,
                3.486679e-04,
                6.896802e-05,
                9.637309e-06,
                1.245382e-06,
            ],
            [
                1.890107e-06,
                1.879057e-05,
                1.105581e-04,
                8.050915e-04,
                9.367977e-01,
                9.990902e-01,
                9.997467e-01,
                9.988864e-01,
                9.740385e-01,
                7.364608e-04,
                1.20195e-04,
                1.696797e-05,
                1.99797e-06,
            ],
        ],
        21.144274,
    );
}

/// A bright square with heat that spills over its border: the field gives the square, at its place in the volume.
#[test]
fn borders_follow_the_picture_in_a_volume() {
    let is_inside =
        |(z, y, x): (usize, usize, usize)| z == 1 && (6..14).contains(&y) && (4..10).contains(&x);
    let grid = (3, 20, 18);
    let geometry = Geometry::from_spacing_mm_xyz([1.0, 1.0, 3.0]).unwrap();
    let square = Array3::from_shape_fn(grid, |at| f32::from(u8::from(is_inside(at))));
    let spilled = Array3::from_shape_fn(grid, |(z, y, x)| {
        let near = z == 1 && (5..15).contains(&y) && (3..12).contains(&x);
        if near { 0.7 } else { 0.0 }
    });
    let image = Volume::new(square, geometry);
    let heat = Volume::new(spilled, geometry);
    let display = Display::Window {
        black: 0.0,
        white: 1.0,
    };
    let shown = Shown::new(&image, &display).unwrap();
    let (mask, threshold) = Binarization::Crf(CrfOptions::default())
        .apply(&heat, &shown)
        .unwrap();
    assert_eq!(threshold, None);
    for (at, inside) in mask.voxels().indexed_iter() {
        assert_eq!(*inside, is_inside(at), "{at:?}");
    }
    let broken = CrfOptions {
        colour_steps: 0.0,
        ..CrfOptions::default()
    };
    assert!(matches!(
        Binarization::Crf(broken).apply(&heat, &shown),
        Err(LocalizeError::Option {
            option: "colour_steps",
            ..
        })
    ));
}

#[test]
fn settings_are_read_by_name() {
    let options: Binarization =
        serde_json::from_str(r#"{"rule": "crf", "colour_steps": 8.0}"#).unwrap();
    let expected = CrfOptions {
        colour_steps: 8.0,
        ..CrfOptions::default()
    };
    assert_eq!(options, Binarization::Crf(expected));
    let other_size = Array2::zeros((2, 2));
    assert!(
        CrfOptions::default()
            .likelihood(other_size.view(), &picture())
            .is_err()
    );
}
