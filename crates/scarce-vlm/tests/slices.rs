//! A model of pictures led through volumes, with a model that sees brightness.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use ndarray::{Array2, Array3, Axis};
use scarce_image::glam::{DAffine3, DVec3};
use scarce_image::{Geometry, Volume};
use scarce_vlm::binarize::Binarization;
use scarce_vlm::picture::Picture;
use scarce_vlm::slices::{
    Display, PictureHeat, PictureLocalizer, Projection, Slab, SliceBySlice, SliceOptions,
};
use scarce_vlm::{LocalizeError, Localizer as _, ModelRecord};
use serde_json::Value;

/// Sees what is bright, and counts its looks.
struct Brightness {
    looks: usize,
    /// Where the first picture is brightest.
    brightest: Option<(usize, usize)>,
}

impl PictureLocalizer for Brightness {
    fn heat(&mut self, picture: &Picture, _prompt: &str) -> Result<PictureHeat, LocalizeError> {
        self.looks += 1;
        let [height, width] = picture.size_yx();
        let map = Array2::from_shape_fn((height, width), |(y, x)| {
            f32::from(picture.rgb()[[y, x, 0]]) / 255.0
        });
        let score = map.iter().copied().fold(0.0, f32::max);
        let brightest = map
            .indexed_iter()
            .find(|(_, v)| **v == 1.0)
            .map(|(at, _)| at);
        self.brightest = self.brightest.or(brightest);
        Ok(PictureHeat { map, score })
    }

    fn name(&self) -> &'static str {
        "brightness"
    }

    fn models(&self) -> Vec<ModelRecord> {
        Vec::new()
    }

    fn settings(&self) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }
}

fn led(options: SliceOptions) -> SliceBySlice<Brightness> {
    SliceBySlice::new(
        Brightness {
            looks: 0,
            brightest: None,
        },
        options,
    )
    .unwrap()
}

fn options() -> SliceOptions {
    SliceOptions {
        display: Display::Window {
            black: 0.0,
            white: 1.0,
        },
        binarization: Binarization::Above { heat: 0.5 },
        ..SliceOptions::default()
    }
}

/// A volume with a bright block at the left front bottom of the patient, and a smaller one elsewhere.
fn volume(geometry: Geometry, flip: bool) -> Volume<f32> {
    let mut voxels = Array3::from_shape_fn((5, 6, 8), |(z, y, x)| {
        let large = (1..4).contains(&z) && y == 1 && (1..3).contains(&x);
        f32::from(u8::from(large || (z, y, x) == (4, 5, 7)))
    });
    if flip {
        voxels.invert_axis(Axis(1));
        voxels.invert_axis(Axis(2));
    }
    Volume::new(voxels, geometry)
}

#[test]
fn the_region_lies_where_the_volume_is_bright_in_any_orientation() {
    let ras = Geometry::from_spacing_mm_xyz([1.0, 1.5, 3.0]).unwrap();
    let turned = DAffine3::from_scale(DVec3::new(-1.0, -1.5, 3.0));
    let lps = Geometry::new(turned).unwrap();
    for (geometry, flip) in [(ras, false), (lps, true)] {
        let image = volume(geometry, flip);
        let mut localizer = led(options());
        let region = localizer.localize(&image, "bright").unwrap();
        let expected: Vec<bool> = volume(geometry, flip)
            .voxels()
            .indexed_iter()
            .map(|((z, _, _), v)| *v > 0.5 && z < 4)
            .collect();
        assert_eq!(
            region.mask().voxels().iter().copied().collect::<Vec<_>>(),
            expected
        );
        assert_eq!((region.boxes().len(), region.score()), (1, 1.0));
        assert_eq!(localizer.model_mut().looks, 5);
        // Anterior up, the patient's right on the left: x = 2 of 8 is seen at 5, y = 1 of 6 at 4.
        assert_eq!(localizer.model_mut().brightest, Some((4, 5)));
    }
}

#[test]
fn a_picture_is_shown_as_it_lies() {
    let mut voxels = Array3::zeros((1, 4, 5));
    voxels[[0, 1, 3]] = 1.0;
    let image = Volume::new(voxels, Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap());
    let mut localizer = led(options());
    let region = localizer.localize(&image, "bright").unwrap();
    assert_eq!(localizer.model_mut().brightest, Some((1, 3)));
    assert_eq!(region.boxes()[0].start_zyx, [0, 1, 3]);
}

#[test]
fn slices_between_are_interpolated_and_the_last_is_looked_at() {
    let voxels = Array3::from_shape_fn((6, 2, 2), |(z, _, _)| z as f32 / 5.0);
    let image = Volume::new(voxels, Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap());
    let mut localizer = led(SliceOptions {
        step: 4,
        ..options()
    });
    let (heat, _) = localizer.heat(&image, "bright").unwrap();
    assert_eq!(localizer.model_mut().looks, 3);
    for (z, slice) in heat.voxels().outer_iter().enumerate() {
        assert!((slice[[0, 0]] - z as f32 / 5.0).abs() < 2e-3, "{z}");
    }
}

#[test]
fn what_is_not_seen_is_refused_and_options_are_checked() {
    let image = Volume::new(
        Array3::zeros((2, 2, 2)),
        Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap(),
    );
    let mut localizer = led(SliceOptions {
        least_score: Some(0.5),
        ..options()
    });
    assert!(matches!(
        localizer.localize(&image, "x"),
        Err(LocalizeError::NotSeen { .. })
    ));
    for broken in [
        SliceOptions {
            step: 0,
            ..options()
        },
        SliceOptions {
            components: 0,
            ..options()
        },
        SliceOptions {
            slab: Slab {
                slices: 0,
                ..Slab::default()
            },
            ..options()
        },
        SliceOptions {
            smoothing_mm: f64::NAN,
            ..options()
        },
    ] {
        let model = Brightness {
            looks: 0,
            brightest: None,
        };
        assert!(matches!(
            SliceBySlice::new(model, broken),
            Err(LocalizeError::Option { .. })
        ));
    }
}

#[test]
fn slabs_and_smoothing_make_a_region_go_on_where_a_slice_is_dark() {
    // A bright column, but for its third slice; slices are 2 mm apart.
    let voxels = Array3::from_shape_fn((7, 4, 4), |(z, y, x)| {
        f32::from(u8::from(y == 1 && x == 2 && z != 2))
    });
    let image = Volume::new(
        voxels,
        Geometry::from_spacing_mm_xyz([1.0, 1.0, 2.0]).unwrap(),
    );
    let check = |options: SliceOptions, expected: usize| {
        let region = led(options).localize(&image, "bright").unwrap();
        assert_eq!(region.voxel_count(), expected);
    };
    check(options(), 4);
    let slab = |slices, projection| SliceOptions {
        slab: Slab { slices, projection },
        ..options()
    };
    check(slab(3, Projection::Mean), 7);
    check(slab(3, Projection::Maximum), 7);
    check(slab(1, Projection::Maximum), 4);
    let smoothed = |smoothing_mm| SliceOptions {
        smoothing_mm,
        ..options()
    };
    check(smoothed(2.0), 7);
    check(smoothed(0.2), 4);
}
