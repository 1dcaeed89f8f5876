//! Segmentations scored: goldens of the packages that figures come from, and what must hold for any masks.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod empty;
mod golden;
mod labels;
mod origins;
mod properties;
mod refusals;
mod report;
mod shapes;

use std::collections::BTreeMap;

use ndarray::Array3;
use scarce_image::{Geometry, Mask};
use scarce_metrics::{Measured, SegmentationOptions, evaluate_case};

type Figures = BTreeMap<String, Measured>;

fn mask(
    shape_zyx: [usize; 3],
    spacing_mm_zyx: [f64; 3],
    inside: impl Fn([usize; 3]) -> bool,
) -> Mask {
    let voxels = Array3::from_shape_fn(shape_zyx, |(z, y, x)| inside([z, y, x]));
    let [z, y, x] = spacing_mm_zyx;
    Mask::new(voxels, Geometry::from_spacing_mm_xyz([x, y, z]).unwrap())
}

fn cube(at: [usize; 3], from: [usize; 3], to: [usize; 3]) -> bool {
    (0..3).all(|a| (from[a]..to[a]).contains(&at[a]))
}

fn figures(p: &Mask, r: &Mask, options: &SegmentationOptions) -> Figures {
    evaluate_case(p, r, options).unwrap()
}

fn value(p: &Mask, r: &Mask, options: &SegmentationOptions, name: &str) -> Option<f64> {
    figures(p, r, options)[name].value
}

/// Each expected figure to 1e-9.
fn assert_figures(got: &Figures, expected: &[(&str, f64)], what: &str) {
    for (name, expected) in expected {
        let got = got[*name].value.unwrap();
        assert!(
            (got - expected).abs() < 1e-9,
            "{what}, {name}: {got}, expected {expected}"
        );
    }
}
