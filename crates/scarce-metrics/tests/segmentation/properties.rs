//! What must hold for any masks.

use proptest::prelude::*;
use scarce_image::Mask;
use scarce_metrics::{Convention, Metric, SegmentationOptions, evaluate_masks};

use super::{Figures, figures, mask};

const SHAPE: [usize; 3] = [3, 4, 5];
const CONVENTIONS: [Convention; 3] = [
    Convention::Pooled,
    Convention::MaxDirected,
    Convention::Area,
];
const DISTANCES: [&str; 5] = ["hd", "hd95", "asd", "assd", "masd"];
const SHARES: [&str; 5] = ["dice", "jaccard", "boundary_iou", "nsd_1mm", "nsd_2mm"];

/// Whether each voxel is in the prediction and in the reference.
type Bits = Vec<[bool; 2]>;

fn bits() -> impl Strategy<Value = Bits> {
    let any_bits = prop::collection::vec(any::<[bool; 2]>(), 60);
    // Few voxels as well, for they lie apart.
    let sparse = prop::collection::vec(prop::array::uniform2(prop::bool::weighted(0.05)), 60);
    prop_oneof![any_bits, sparse]
}

/// Spacings whose squares and sums are exact, so that nothing depends on the order of axes.
fn spacing() -> impl Strategy<Value = [f64; 3]> {
    prop::array::uniform3(prop::sample::select(vec![0.5, 1.0, 1.5, 2.0, 3.25]))
}

/// The masks in a grid of `shape`, their first voxel at `begin`.
fn placed(bits: &Bits, shape: [usize; 3], begin: [usize; 3], spacing: [f64; 3]) -> [Mask; 2] {
    [0, 1].map(|which| {
        mask(shape, spacing, |at| {
            let [z, y, x] = [0, 1, 2].map(|a| at[a].wrapping_sub(begin[a]));
            z < SHAPE[0]
                && y < SHAPE[1]
                && x < SHAPE[2]
                && bits[(z * SHAPE[1] + y) * SHAPE[2] + x][which]
        })
    })
}

fn options(convention: Convention) -> SegmentationOptions {
    SegmentationOptions::default().with_convention(convention)
}

fn close(a: &Figures, b: &Figures, name: &str) -> bool {
    match (a[name].value, b[name].value) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-12 * a.abs().max(1.0),
        (a, b) => a == b,
    }
}

proptest! {
    #[test]
    fn figures_stay_within_their_bounds(bits in bits(), spacing in spacing()) {
        let [p, r] = placed(&bits, SHAPE, [0; 3], spacing);
        let diagonal = (0..3).map(|a| (SHAPE[a] as f64 * spacing[a]).powi(2)).sum::<f64>().sqrt();
        for convention in CONVENTIONS {
            let got = figures(&p, &r, &options(convention));
            let value = |name: &str| got[name].value;
            for name in SHARES.into_iter().chain(["precision", "recall"]) {
                prop_assert!(value(name).is_none_or(|v| (0.0..=1.0).contains(&v)), "{name}: {got:?}");
            }
            for name in DISTANCES {
                prop_assert!(value(name).is_none_or(|v| (0.0..=diagonal).contains(&v)), "{name}: {got:?}");
                let hd = value("hd").map(|hd| hd * (1.0 + 1e-12));
                prop_assert!(value(name) <= hd, "{name} beyond hd: {got:?}");
            }
            prop_assert!(value("nsd_1mm") <= value("nsd_2mm"));
            // J = D / (2 − D), so that no table can hold a mean J below that of its mean D.
            let (dice, jaccard) = (value("dice").unwrap(), value("jaccard").unwrap());
            prop_assert!((jaccard - dice / (2.0 - dice)).abs() < 1e-12);
            // Dice is the harmonic mean of precision and recall.
            if let (Some(precision), Some(recall)) = (value("precision"), value("recall")) {
                prop_assert!((dice * (precision + recall) - 2.0 * precision * recall).abs() < 1e-12);
            }
            if let Some(hd) = value("hd") {
                let wide = Metric::Nsd(hd);
                let covered = evaluate_masks(&p, &r, &options(convention), &[wide]).unwrap();
                prop_assert_eq!(covered.into_values().next().unwrap().value, Some(1.0));
            }
        }
    }

    #[test]
    fn prediction_and_reference_can_be_exchanged(bits in bits(), spacing in spacing()) {
        let [p, r] = placed(&bits, SHAPE, [0; 3], spacing);
        for convention in CONVENTIONS {
            let (forth, back) = (figures(&p, &r, &options(convention)), figures(&r, &p, &options(convention)));
            for name in DISTANCES.into_iter().chain(SHARES).filter(|name| *name != "asd") {
                prop_assert!(close(&forth, &back, name), "{name}, {convention}");
            }
            prop_assert_eq!(forth["precision"], back["recall"]);
            let volumes = [&forth, &back].map(|figures| figures["volume_error"].value.unwrap());
            prop_assert_eq!(volumes[0], -volumes[1]);
        }
    }

    #[test]
    fn a_mask_is_like_itself(bits in bits(), spacing in spacing()) {
        let [p, _] = placed(&bits, SHAPE, [0; 3], spacing);
        for convention in CONVENTIONS {
            let same = figures(&p, &p, &options(convention));
            for name in SHARES.into_iter().chain(["precision", "recall"]) {
                prop_assert_eq!(same[name].value, Some(1.0), "{}", name);
            }
            for name in DISTANCES.into_iter().chain(["volume_error", "relative_volume_error"]) {
                prop_assert_eq!(same[name].value, Some(0.0), "{}", name);
            }
        }
    }

    #[test]
    fn place_does_not_matter(
        bits in bits(),
        spacing in spacing(),
        begin in [0..6usize, 0..6usize, 0..70usize],
    ) {
        // One way wider than a word, and never a voxel at the edge less than where the masks end.
        let shape = [9, 10, 75];
        for convention in CONVENTIONS {
            let of = |begin| {
                let [p, r] = placed(&bits, shape, begin, spacing);
                figures(&p, &r, &options(convention))
            };
            let (moved, plain) = (of(begin), of([0; 3]));
            for name in plain.keys() {
                prop_assert!(close(&moved, &plain, name), "{name}, {convention}");
            }
            // Nor does the room around them, but to a width by the image's diagonal.
            let [p, r] = placed(&bits, SHAPE, [0; 3], spacing);
            let tight = figures(&p, &r, &options(convention));
            for name in plain.keys().filter(|name| *name != "boundary_iou") {
                prop_assert!(close(&tight, &plain, name), "{name}, {convention}");
            }
        }
    }

    #[test]
    fn axes_can_be_permuted(bits in bits(), spacing in spacing()) {
        let [p, r] = placed(&bits, SHAPE, [0; 3], spacing);
        for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let turned = |mask_: &Mask| {
                mask(order.map(|a| SHAPE[a]), order.map(|a| spacing[a]), |at| {
                    let mut from = [0; 3];
                    for (to, axis) in order.into_iter().enumerate() {
                        from[axis] = at[to];
                    }
                    mask_.voxels()[from]
                })
            };
            for convention in CONVENTIONS {
                let plain = figures(&p, &r, &options(convention));
                let turned = figures(&turned(&p), &turned(&r), &options(convention));
                for name in plain.keys() {
                    prop_assert!(close(&plain, &turned, name), "{name}, {convention}, {order:?}");
                }
            }
        }
    }

    #[test]
    fn distances_scale_with_the_spacing(bits in bits(), spacing in spacing()) {
        let [p, r] = placed(&bits, SHAPE, [0; 3], spacing);
        let [p4, r4] = placed(&bits, SHAPE, [0; 3], spacing.map(|s| 4.0 * s));
        for convention in CONVENTIONS {
            let plain = figures(&p, &r, &options(convention));
            let scaled = figures(&p4, &r4, &options(convention).with_tolerances(vec![4.0, 8.0]));
            for (name, figure) in plain {
                let (to, factor) = match name.as_str() {
                    "nsd_1mm" => ("nsd_4mm", 1.0),
                    "nsd_2mm" => ("nsd_8mm", 1.0),
                    "volume_error" => (name.as_str(), 64.0),
                    distance if DISTANCES.contains(&distance) => (distance, 4.0),
                    other => (other, 1.0),
                };
                prop_assert_eq!(scaled[to].value, figure.value.map(|v| factor * v), "{}", name);
            }
        }
    }
}
