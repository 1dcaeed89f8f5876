//! Regions refined in their boxes, with a refiner that fills what is bright in them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use ndarray::{Array2, Array3};
use scarce_image::glam::{DAffine3, DVec3};
use scarce_image::{Geometry, Mask, Volume};
use scarce_vlm::given::GivenLocalizer;
use scarce_vlm::picture::{Picture, PictureBox};
use scarce_vlm::refine::{BoxPrompt, RefineOptions, Refined, Refiner};
use scarce_vlm::slices::{Display, PictureHeat};
use scarce_vlm::{LocalizeError, Localizer as _, ModelRecord, Region};
use serde_json::Value;

/// Answers a box with what is bright in it.
struct Bright;

impl Refiner for Bright {
    fn refine(
        &mut self,
        picture: &Picture,
        boxes: &[PictureBox],
    ) -> Result<Vec<PictureHeat>, LocalizeError> {
        let [height, width] = picture.size_yx();
        let answer = |b: &PictureBox| {
            let is_in = |at: [usize; 2]| {
                (0..2).all(|a| (b.start_xy[a]..=b.stop_xy[a]).contains(&(at[a] as f32)))
            };
            let map = Array2::from_shape_fn((height, width), |(y, x)| {
                let is_bright = picture.rgb()[[y, x, 0]] > 127;
                f32::from(u8::from(is_bright && is_in([x, y])))
            });
            PictureHeat { map, score: 0.9 }
        };
        Ok(boxes.iter().map(answer).collect())
    }

    fn name(&self) -> &'static str {
        "bright"
    }

    fn models(&self) -> Vec<ModelRecord> {
        vec![ModelRecord::new("refiner", "bright.onnx".as_ref(), b"")]
    }

    fn settings(&self) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }
}

const SHAPE: (usize, usize, usize) = (4, 12, 16);

/// Turned about: x to the left, y to the front.
fn geometry() -> Geometry {
    let affine = DAffine3::from_cols(
        DVec3::new(-1.0, 0.0, 0.0),
        DVec3::new(0.0, -1.0, 0.0),
        DVec3::new(0.0, 0.0, 2.0),
        DVec3::new(3.0, 4.0, 5.0),
    );
    Geometry::new(affine).unwrap()
}

fn mask(inside: impl Fn(usize, usize, usize) -> bool) -> Mask {
    Volume::new(
        Array3::from_shape_fn(SHAPE, |(z, y, x)| inside(z, y, x)),
        geometry(),
    )
}

fn refined(coarse: Mask, bright: &Mask, options: RefineOptions) -> Region {
    let image = bright.map(|inside| f32::from(u8::from(*inside)));
    let localizer = GivenLocalizer::from_mask(coarse, "test");
    let options = RefineOptions {
        display: Display::Window {
            black: 0.0,
            white: 1.0,
        },
        ..options
    };
    Refined::new(localizer, Bright, options)
        .unwrap()
        .localize(&image, "what is bright")
        .unwrap()
}

#[test]
fn takes_what_lies_in_the_boxes_of_each_slice() {
    // Two objects; the coarse mask has a pixel of each corner, and nothing in the last slice.
    let bright = mask(|_, y, x| (2..5).contains(&y) && x < 5 || (7..11).contains(&y) && x > 9);
    let coarse = mask(|z, y, x| {
        z < 3
            && matches!(
                (y, x),
                (2, 0) | (3, 1) | (4, 2..5) | (7, 10) | (8, 11) | (9, 12) | (10, 13..16)
            )
    });
    let expected = |z: usize, y: usize, x: usize| z < 3 && bright.voxels()[[z, y, x]];
    let check = |options: RefineOptions, components: usize| {
        let region = refined(coarse.clone(), &bright, options);
        let settings = &region.provenance().settings["refined"];
        assert_eq!(settings["components"], components);
        assert_eq!(region.boxes().len(), components);
        region
    };
    let both = check(RefineOptions::default(), 2);
    for ((z, y, x), inside) in both.mask().voxels().indexed_iter() {
        assert_eq!(*inside, expected(z, y, x), "{z} {y} {x}");
    }
    let provenance = both.provenance();
    assert_eq!(provenance.localizer, "given+bright");
    assert_eq!(provenance.models.len(), 1);
    let settings = &provenance.settings["refined"];
    assert_eq!(settings["boxes"], 6);
    assert!((settings["mean_predicted_iou"].as_f64().unwrap() - 0.9).abs() < 1e-6);
    assert_eq!(both.score(), 1.0);

    let one = check(
        RefineOptions {
            components: Some(1),
            ..RefineOptions::default()
        },
        1,
    );
    assert_eq!(one.boxes()[0].start_zyx, [0, 7, 10]);
    assert_eq!(one.boxes()[0].stop_zyx, [3, 11, 16]);

    let around = check(
        RefineOptions {
            prompt: BoxPrompt::AroundAll,
            ..RefineOptions::default()
        },
        2,
    );
    assert_eq!(around.provenance().settings["refined"]["boxes"], 3);

    let largest = refined(
        coarse.clone(),
        &bright,
        RefineOptions {
            boxes_per_slice: 1,
            ..RefineOptions::default()
        },
    );
    assert_eq!(largest.provenance().settings["refined"]["boxes_skipped"], 3);
    assert_eq!(largest.boxes().len(), 1);
}

#[test]
fn nothing_stays_nothing_and_says_so() {
    let bright = mask(|_, y, _| y > 5);
    let nothing = refined(mask(|_, _, _| false), &bright, RefineOptions::default());
    let elsewhere = refined(mask(|_, y, _| y < 3), &bright, RefineOptions::default());
    for (region, words) in [
        (nothing, "the coarse region is empty"),
        (elsewhere, "found nothing"),
    ] {
        assert_eq!((region.voxel_count(), region.boxes().len()), (0, 0));
        let warning = &region.provenance().settings["refined"]["warning"];
        assert!(warning.as_str().unwrap().contains(words), "{warning}");
    }
    for options in [
        RefineOptions {
            boxes_per_slice: 0,
            ..RefineOptions::default()
        },
        RefineOptions {
            components: Some(0),
            ..RefineOptions::default()
        },
    ] {
        let localizer = GivenLocalizer::from_mask(mask(|_, _, _| true), "test");
        assert!(Refined::new(localizer, Bright, options).is_err());
    }
}
