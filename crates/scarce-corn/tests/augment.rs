//! Random crops: what moves, what stays, what is drawn.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ndarray::{Array3, Axis};
use scarce_corn::CornError;
use scarce_corn::augment::{AugmentConfig, Crop, CropPlan, Symmetry, random_crop};
use scarce_train::image::{Seed, StreamKey};

/// A ball of label 1 and intensity 0.8 in a volume of 0.2.
fn scene() -> (Array3<f32>, Array3<u8>) {
    let label = Array3::from_shape_fn((12, 14, 16), |(z, y, x)| {
        u8::from((z as i32 - 5).pow(2) + (y as i32 - 7).pow(2) + (x as i32 - 9).pow(2) < 16)
    });
    (label.map(|l| 0.2 + 0.6 * f32::from(*l)), label)
}

/// Every voxel another value, `(z, y, x)` of `n` voxels a side.
fn ramp(n: usize) -> Array3<f32> {
    Array3::from_shape_fn((n, n, n), |(z, y, x)| {
        ((z * n + y) * n + x) as f32 / (n * n * n) as f32
    })
}

fn crop(
    (image, label): (&Array3<f32>, Option<&Array3<u8>>),
    patch_zyx: [usize; 3],
    foreground: &[[u32; 3]],
    augment: &AugmentConfig,
    epoch: u64,
) -> Crop {
    let plan = CropPlan {
        patch_zyx,
        foreground,
        foreground_chance: 1.0,
    };
    let key = StreamKey {
        epoch,
        sample_id: "a",
        purpose: "crop",
    };
    let label = label.map(|l| l.view());
    random_crop(
        image.view(),
        label,
        &plan,
        augment,
        &mut Seed(1).stream(key),
    )
}

#[test]
fn image_and_label_move_together() {
    let (image, label) = scene();
    let everything = AugmentConfig {
        quarter_turns: 0.5,
        flip_z: 0.5,
        flip_y: 0.5,
        flip_x: 0.5,
        ..AugmentConfig::default()
    };
    for epoch in 0..40 {
        let crop = crop((&image, Some(&label)), [8; 3], &[], &everything, epoch);
        let label = crop.label.unwrap();
        let mean_of = |class: u8| {
            let pairs = crop.image.iter().zip(&label);
            let values: Vec<f32> = pairs.filter(|p| *p.1 == class).map(|p| *p.0).collect();
            values.iter().sum::<f32>() / values.len() as f32
        };
        assert!(mean_of(1) > mean_of(0) + 0.2, "epoch {epoch}");
    }
}

#[test]
fn a_crop_is_a_function_of_its_key() {
    let (image, _) = scene();
    let draw = |epoch| {
        crop(
            (&image, None),
            [8; 3],
            &[],
            &AugmentConfig::default(),
            epoch,
        )
    };
    assert_eq!(draw(3), draw(3));
    assert_ne!(draw(3), draw(4));
}

#[test]
fn without_jitter_a_crop_is_a_block_of_the_image() {
    let image = ramp(12);
    let mut places = std::collections::BTreeSet::new();
    for epoch in 0..30 {
        let got = crop(
            (&image, None),
            [5, 6, 7],
            &[],
            &AugmentConfig::none(),
            epoch,
        )
        .image;
        let place = image
            .windows([5, 6, 7])
            .into_iter()
            .position(|block| block == got);
        places.insert(place.expect("no block of the image equals the crop"));
    }
    assert!(places.len() > 15, "{places:?}");
    let whole = crop((&image, None), [12; 3], &[], &AugmentConfig::none(), 0);
    assert_eq!(whole.image, image);
}

/// The symmetries asked for and no others come up, exactly, on a cube taken whole.
#[test]
fn flips_and_quarter_turns_are_exact_and_only_those_asked_for() {
    let image = ramp(6);
    let flip = |image: &Array3<f32>, axis: usize| {
        let mut flipped = image.clone();
        flipped.invert_axis(Axis(axis));
        flipped.as_standard_layout().into_owned()
    };
    let turn = |image: &Array3<f32>| flip(&image.clone().permuted_axes([0, 2, 1]), 1);
    let half = turn(&turn(&image));
    let none = AugmentConfig::none;
    let cases = [
        (none(), vec![]),
        (
            AugmentConfig {
                flip_z: 0.5,
                ..none()
            },
            vec![flip(&image, 0)],
        ),
        (
            AugmentConfig {
                flip_y: 0.5,
                ..none()
            },
            vec![flip(&image, 1)],
        ),
        (
            AugmentConfig {
                flip_x: 0.5,
                ..none()
            },
            vec![flip(&image, 2)],
        ),
        (
            AugmentConfig {
                quarter_turns: 0.7,
                ..none()
            },
            vec![turn(&image), half.clone(), turn(&half)],
        ),
    ];
    for (augment, mut expected) in cases {
        expected.push(image.clone());
        let mut seen = vec![false; expected.len()];
        for epoch in 0..60 {
            let got = crop((&image, None), [6; 3], &[], &augment, epoch).image;
            let which = expected.iter().position(|e| *e == got);
            seen[which.expect("a symmetry that was not asked for")] = true;
        }
        assert!(seen.iter().all(|s| *s), "{augment:?} {seen:?}");
    }
}

/// The symmetries of the square, each as often as the others: all of `d4`, and of `reference` the reflections alone, as
/// UA-MT's code draws them.
///
/// ```python
/// def reference(image, rng):  # axes (x, y, z), as la_heart's transforms have them
///     image = numpy.rot90(image, rng.integers(4))
///     return numpy.flip(image, axis=rng.integers(2))
/// a = numpy.arange(8).reshape(2, 2, 2)
/// print({tuple(reference(a, numpy.random.default_rng(k))[:, :, 0].ravel()) for k in range(99)})
/// # {(6, 2, 4, 0), (2, 0, 6, 4), (0, 4, 2, 6), (4, 6, 0, 2)}
/// ```
#[test]
fn symmetries_are_those_of_the_square() {
    // Rows (y) of x, as the snippet's first slice lies.
    let image = Array3::from_shape_fn((2, 2, 2), |(z, y, x)| (4 * x + 2 * y + z) as f32);
    // The snippet reads x by rows, we y.
    let reflections: [[u8; 4]; 4] =
        [[6, 2, 4, 0], [2, 0, 6, 4], [0, 4, 2, 6], [4, 6, 0, 2]].map(|[a, b, c, d]| [a, c, b, d]);
    let turns = [[0, 4, 2, 6], [2, 0, 6, 4], [6, 2, 4, 0], [4, 6, 0, 2]];
    let draws = 800;
    for (symmetry, expected) in [
        (Symmetry::None, vec![turns[0]]),
        (Symmetry::Reference, reflections.to_vec()),
        (Symmetry::D4, [reflections, turns].concat()),
    ] {
        let augment = AugmentConfig {
            symmetry,
            ..AugmentConfig::none()
        };
        augment.check().unwrap();
        let mut counts = vec![0; expected.len()];
        for epoch in 0..draws {
            let got = crop((&image, None), [2; 3], &[], &augment, epoch).image;
            let plane: Vec<u8> = got.iter().take(4).map(|v| *v as u8).collect();
            let which = expected.iter().position(|e| *e == plane[..]);
            counts[which.unwrap_or_else(|| panic!("{symmetry:?} gave {plane:?}"))] += 1;
            assert_eq!(got[[1, 0, 0]], got[[0, 0, 0]] + 1.0, "z stays");
        }
        let share = draws as usize / counts.len();
        // Six standard deviations of a binomial draw.
        let slack = 6.0 * (share as f64).sqrt();
        let far = |n: &usize| (*n as f64 - share as f64).abs() > slack;
        assert!(!counts.iter().any(far), "{symmetry:?} {counts:?}");
    }
}

/// Ends included: rounding would give them half their share.
#[test]
fn places_come_up_alike() {
    let image = Array3::from_shape_fn((4, 1, 1), |(z, _, _)| z as f32);
    let mut counts = [0usize; 4];
    for epoch in 0..800 {
        let got = crop((&image, None), [1; 3], &[], &AugmentConfig::none(), epoch).image;
        counts[got[[0, 0, 0]] as usize] += 1;
    }
    assert!(counts.iter().all(|n| (140..260).contains(n)), "{counts:?}");
}

#[test]
fn what_is_not_clipped_keeps_its_range() {
    let image = Array3::from_shape_fn((8, 8, 8), |(z, _, x)| z as f32 - 2.0 * x as f32);
    let none = AugmentConfig::none();
    assert_eq!(crop((&image, None), [8; 3], &[], &none, 0).image, image);
    let scaled = AugmentConfig {
        intensity_scale: 0.5,
        ..none
    };
    let got = crop((&image, None), [8; 3], &[], &scaled, 1).image;
    let factor = got[[7, 0, 0]] / 7.0;
    assert!(factor > 0.5 && factor < 1.5 && factor != 1.0);
    for (a, b) in got.iter().zip(&image) {
        assert!((a - factor * b).abs() < 1e-4);
    }
}

/// A quarter turn of a crop that is not square in plane still takes whole voxels from inside.
#[test]
fn oblong_crops_turn_within_the_image() {
    let image = ramp(12);
    let augment = AugmentConfig {
        quarter_turns: 1.0,
        ..AugmentConfig::none()
    };
    let known: std::collections::BTreeSet<u32> = image.iter().map(|v| v.to_bits()).collect();
    for epoch in 0..30 {
        let got = crop((&image, None), [4, 5, 8], &[], &augment, epoch).image;
        let mut bits: Vec<u32> = got.iter().map(|v| v.to_bits()).collect();
        assert!(bits.iter().all(|b| known.contains(b)), "epoch {epoch}");
        bits.sort_unstable();
        bits.dedup();
        assert_eq!(bits.len(), 4 * 5 * 8, "epoch {epoch}");
    }
}

#[test]
fn crops_about_the_foreground_hold_it_and_stay_inside() {
    let (image, label) = scene();
    for (target, least) in [([5, 7, 9], 150), ([0, 0, 0], 0), ([11, 13, 15], 0)] {
        for epoch in 0..20 {
            let none = AugmentConfig::none();
            let got = crop((&image, Some(&label)), [8; 3], &[target], &none, epoch);
            let inside = got.label.unwrap().iter().filter(|l| **l == 1).count();
            assert!(inside >= least, "{target:?}: {inside}");
            // 0 would come from beyond the image.
            assert!(got.image.iter().all(|v| *v > 0.1), "{target:?}");
        }
    }
}

#[test]
fn smaller_images_lie_in_the_middle_of_zeros() {
    let image = Array3::from_elem((2, 4, 6), 0.5);
    let got = crop((&image, None), [6, 8, 10], &[], &AugmentConfig::none(), 0).image;
    let block = got.slice_each_axis(|axis| [2..4, 2..6, 2..8][axis.axis.index()].clone().into());
    assert!(block.iter().all(|v| *v == 0.5));
    assert_eq!(got.iter().filter(|v| **v != 0.0).count(), 2 * 4 * 6);
}

/// Linear interpolation reproduces a linear image, so the zoom can be read off its slope.
#[test]
fn zoom_stays_within_its_range_and_goes_both_ways() {
    let image = Array3::from_shape_fn((40, 40, 40), |(_, _, x)| x as f32 / 40.0);
    let augment = AugmentConfig {
        zoom: 0.25,
        ..AugmentConfig::none()
    };
    let slopes: Vec<f32> = (0..40)
        .map(|epoch| {
            let got = crop((&image, None), [8; 3], &[[20, 20, 20]], &augment, epoch).image;
            (got[[4, 4, 5]] - got[[4, 4, 2]]) * 40.0 / 3.0
        })
        .collect();
    assert!(
        slopes.iter().all(|s| (0.799..1.251).contains(s)),
        "{slopes:?}"
    );
    assert!(slopes.iter().any(|s| *s < 0.9) && slopes.iter().any(|s| *s > 1.1));
}

#[test]
fn intensities_stay_between_0_and_1() {
    let image = ramp(8);
    let augment = AugmentConfig {
        intensity_scale: 1.0,
        intensity_shift: 1.0,
        clip: true,
        gamma: 5.0,
        ..AugmentConfig::none()
    };
    for epoch in 0..30 {
        let got = crop((&image, None), [8; 3], &[], &augment, epoch).image;
        assert!(got.iter().all(|v| (0.0..=1.0).contains(v)), "epoch {epoch}");
    }
}

#[test]
fn refuses_widths_out_of_range() {
    let base = AugmentConfig::default;
    for (augment, name) in [
        (
            AugmentConfig {
                zoom: -0.1,
                ..base()
            },
            "zoom",
        ),
        (
            AugmentConfig {
                rotation_degrees: f64::NAN,
                ..base()
            },
            "rotation",
        ),
        (
            AugmentConfig {
                flip_x: 1.5,
                ..base()
            },
            "flip_x",
        ),
        (
            AugmentConfig {
                gamma: f64::INFINITY,
                ..base()
            },
            "gamma",
        ),
        (
            AugmentConfig {
                clip: false,
                ..base()
            },
            "augment.clip",
        ),
        (
            AugmentConfig {
                symmetry: Symmetry::D4,
                flip_x: 0.5,
                ..base()
            },
            "augment.symmetry",
        ),
    ] {
        let error = augment.check().unwrap_err();
        assert!(matches!(error, CornError::Setting { .. }));
        assert!(error.to_string().contains(name), "{error} lacks {name}");
    }
    base().check().unwrap();
}
