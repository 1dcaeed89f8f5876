//! Masks as runs against pycocotools, and what must hold for any mask and any bytes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ndarray::Array2;
use proptest::prelude::*;
use scarce_metrics::detection::Rle;
use scarce_metrics::detection::rle::RleError;
use serde::Deserialize;

/// Made by `golden/detection.py`.
#[derive(Deserialize)]
struct Goldens {
    polygons: Vec<Polygon>,
    masks: Vec<Mask>,
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
struct Polygon {
    size: [u32; 2],
    xy: Vec<f64>,
    counts: Vec<u32>,
    compressed: String,
}

#[derive(Deserialize)]
struct Mask {
    size: [u32; 2],
    counts: Vec<u32>,
    compressed: String,
    area: u32,
    bbox: [f64; 4],
}

#[derive(Deserialize)]
struct Pair {
    size: [u32; 2],
    a: String,
    b: String,
    iou: f64,
    iou_crowd: f64,
    union: Vec<u32>,
    intersection: Vec<u32>,
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("golden/detection_rle.json")).unwrap()
}

#[test]
fn masks_equal_pycocotools() {
    for golden in goldens().masks {
        let mask = Rle::from_counts(golden.size, &golden.counts).unwrap();
        let read = Rle::from_compressed(golden.size, golden.compressed.as_bytes()).unwrap();
        assert_eq!(mask, read);
        assert_eq!(mask.to_counts(), golden.counts);
        assert_eq!(mask.to_compressed(), golden.compressed);
        assert_eq!(mask.area(), golden.area);
        // pycocotools has a box for an empty mask: nothing at the origin.
        let bounds = mask.bounding_box().unwrap_or_default();
        assert_eq!(bounds.map(f64::from), golden.bbox);
    }
}

#[test]
fn polygons_equal_pycocotools() {
    for (k, golden) in goldens().polygons.iter().enumerate() {
        let mask = Rle::from_polygons(golden.size, &[&golden.xy]).unwrap();
        assert_eq!(
            mask.to_counts(),
            golden.counts,
            "polygon {k}: {:?}",
            golden.xy
        );
        assert_eq!(mask.to_compressed(), golden.compressed, "polygon {k}");
    }
}

#[test]
fn pairs_equal_pycocotools() {
    for golden in goldens().pairs {
        let read = |text: &str| Rle::from_compressed(golden.size, text.as_bytes()).unwrap();
        let (a, b) = (read(&golden.a), read(&golden.b));
        assert_eq!(a.iou(&b, false).unwrap(), golden.iou);
        assert_eq!(a.iou(&b, true).unwrap(), golden.iou_crowd);
        assert_eq!(a.union(&b).unwrap().to_counts(), golden.union);
        let both = a.intersection(&b).unwrap();
        assert_eq!(both.to_counts(), golden.intersection);
        assert_eq!(a.overlap_area(&b).unwrap(), both.area());
    }
}

/// Each fault is told with its place.
#[test]
fn faults_are_told() {
    let refuse = |name: &str, result: Result<Rle, RleError>, parts: &[&str]| {
        let message = result.unwrap_err().to_string();
        for part in parts {
            assert!(message.contains(part), "{name}: {message:?} lacks {part:?}");
        }
    };
    let compressed = |text: &str| Rle::from_compressed([4, 3], text.as_bytes());
    let polygon = |xy: &[f64]| Rle::from_polygons([4, 3], &[&[0., 0., 2., 0., 2., 2.][..], xy]);
    let giant = [1_000_000_000; 2];
    refuse(
        "short",
        Rle::from_counts([4, 3], &[5, 6]),
        &["11", "4 x 3 = 12"],
    );
    refuse(
        "long",
        Rle::from_counts([4, 3], &[u32::MAX; 9]),
        &["38654705655"],
    );
    refuse(
        "giant",
        Rle::from_counts(giant, &[5]),
        &["1000000000 x 1000000000"],
    );
    refuse("giant", Rle::from_compressed(giant, b"5"), &["1000000000"]);
    refuse(
        "giant",
        Rle::from_polygons(giant, &[[0.; 6]]),
        &["1000000000"],
    );
    refuse("byte", compressed("5p"), &["byte 1", "0x70"]);
    refuse("byte", compressed("5\u{e9}"), &["byte 1", "0xc3"]);
    refuse("cut", compressed("5o"), &["end at byte 2"]);
    refuse("sum", compressed("56"), &["add up to 11"]);
    refuse("negative", compressed("5N"), &["count 1", "is -2"]);
    refuse("vast", compressed("ooooooooooo"), &["count 0"]);
    refuse(
        "points",
        polygon(&[1., 1., 2., 2.]),
        &["polygon 1", "4 numbers"],
    );
    refuse(
        "odd",
        polygon(&[1., 1., 2., 2., 3., 3., 4.]),
        &["7 numbers"],
    );
    refuse("none", polygon(&[]), &["0 numbers"]);
    refuse(
        "NaN",
        polygon(&[1., 1., f64::NAN, 2., 3., 3.]),
        &["number 2", "NaN"],
    );
    refuse(
        "far",
        polygon(&[1., 1., 2., 2., -1e300, 3.]),
        &["number 4", "4e8"],
    );
    let zigzag: Vec<f64> = (0..2000)
        .flat_map(|k| [f64::from(k % 2) * 1e8, 1.0])
        .collect();
    refuse(
        "crossings",
        Rle::from_polygons([1, 100_000_000], &[zigzag]),
        &["16777216"],
    );

    let (a, b) = (
        Rle::from_counts([4, 3], &[12]),
        Rle::from_counts([3, 4], &[12]),
    );
    let (a, b) = (a.unwrap(), b.unwrap());
    refuse("sizes", a.union(&b), &["4 x 3", "3 x 4"]);
    assert!(a.iou(&b, false).is_err() && a.overlap_area(&b).is_err());
    let vast = Rle::from_counts([65_535, 65_536], &[65_535 * 65_536]).unwrap();
    let message = vast.to_mask().unwrap_err().to_string();
    assert!(message.contains("268435456"), "{message}");
    assert_eq!((vast.area(), vast.bounding_box()), (0, None));
}

/// Files write one mask in more ways than one.
#[test]
fn empty_runs_change_nothing() {
    for (counts, plain) in [
        (&[2, 3, 0, 4, 3][..], &[2, 7, 3][..]),
        (&[2, 0, 0, 0, 3, 4, 3], &[5, 4, 3]),
        (&[0, 0, 12], &[12]),
        (&[12, 0], &[12]),
        (&[5, 7, 0, 0], &[5, 7]),
        (&[0, 12, 0], &[0, 12]),
        (&[5, 0, 7], &[12]),
    ] {
        let mask = Rle::from_counts([4, 3], counts).unwrap();
        assert_eq!(mask.to_counts(), plain, "{counts:?}");
    }
    for size in [[0, 5], [5, 0], [0, 0]] {
        for counts in [&[][..], &[0]] {
            let mask = Rle::from_counts(size, counts).unwrap();
            assert_eq!((mask.area(), mask.to_mask().unwrap().len()), (0, 0));
        }
        assert_eq!(
            Rle::from_polygons(size, &[[0., 0., 9., 0., 9., 9.]])
                .unwrap()
                .area(),
            0
        );
    }
}

fn array() -> impl Strategy<Value = Array2<bool>> {
    (1usize..12, 1usize..12, 0.0..1.0f64).prop_flat_map(|(height, width, density)| {
        proptest::collection::vec(proptest::bool::weighted(density), height * width)
            .prop_map(move |pixels| Array2::from_shape_vec((height, width), pixels).unwrap())
    })
}

fn two_arrays() -> impl Strategy<Value = [Array2<bool>; 2]> {
    (1usize..12, 1usize..12).prop_flat_map(|(height, width)| {
        let one = move || {
            proptest::collection::vec(any::<bool>(), height * width)
                .prop_map(move |pixels| Array2::from_shape_vec((height, width), pixels).unwrap())
        };
        [one(), one()]
    })
}

proptest! {
    #[test]
    fn every_form_leads_back(array in array()) {
        let mask = Rle::from_mask(array.view()).unwrap();
        prop_assert_eq!(&mask.to_mask().unwrap(), &array);
        prop_assert_eq!(&Rle::from_counts(mask.size_yx(), &mask.to_counts()).unwrap(), &mask);
        let text = mask.to_compressed();
        prop_assert_eq!(&Rle::from_compressed(mask.size_yx(), text.as_bytes()).unwrap(), &mask);
        prop_assert_eq!(mask.area() as usize, array.iter().filter(|v| **v).count());
        let inside = || array.indexed_iter().filter(|(_, v)| **v).map(|(at, _)| at);
        let bounds = inside().next().map(|_| {
            let (top, bottom) = (inside().map(|at| at.0).min(), inside().map(|at| at.0).max());
            let (left, right) = (inside().map(|at| at.1).min(), inside().map(|at| at.1).max());
            let [x, y] = [left.unwrap(), top.unwrap()];
            [x, y, right.unwrap() - x + 1, bottom.unwrap() - y + 1].map(|v| v as u32)
        });
        prop_assert_eq!(mask.bounding_box(), bounds);
    }

    #[test]
    fn overlaps_are_those_of_the_pixels([a, b] in two_arrays()) {
        let (p, q) = (Rle::from_mask(a.view()).unwrap(), Rle::from_mask(b.view()).unwrap());
        let (union, intersection) = (p.union(&q).unwrap(), p.intersection(&q).unwrap());
        let combined = |f: fn(bool, bool) -> bool| {
            let mut of = a.clone();
            of.zip_mut_with(&b, |a, b| *a = f(*a, *b));
            of
        };
        prop_assert_eq!(union.to_mask().unwrap(), combined(|a, b| a || b));
        prop_assert_eq!(intersection.to_mask().unwrap(), combined(|a, b| a && b));
        let iou = p.iou(&q, false).unwrap();
        prop_assert_eq!(iou, q.iou(&p, false).unwrap());
        let expected = f64::from(intersection.area()) / f64::from(union.area().max(1));
        prop_assert_eq!(iou, expected);
        prop_assert!(p.iou(&q, true).unwrap() >= iou);
    }

    #[test]
    fn a_polygon_is_the_same_from_any_corner_and_either_way(
        points in proptest::collection::vec((-9.0..40.0f64, -9.0..30.0f64), 3..9),
        turn in 0usize..9,
    ) {
        let flat = |points: &[(f64, f64)]| points.iter().flat_map(|(x, y)| [*x, *y]).collect::<Vec<_>>();
        let fill = |points: &[(f64, f64)]| Rle::from_polygons([23, 31], &[flat(points)]).unwrap();
        let mask = fill(&points);
        let mut turned = points.clone();
        turned.rotate_left(turn % points.len());
        prop_assert_eq!(&fill(&turned), &mask);
        turned.reverse();
        prop_assert_eq!(&fill(&turned), &mask);
    }

    #[test]
    fn any_bytes_are_a_mask_or_an_error(
        size in [0u32..3000, 0u32..3000],
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
        near in proptest::collection::vec(b'/'..=b'p', 0..40),
    ) {
        for text in [bytes, near] {
            match Rle::from_compressed(size, &text) {
                Ok(mask) => prop_assert!(mask.area() <= size[0] * size[1]),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn any_numbers_are_a_polygon_or_an_error(
        size in [0u32..50, 0u32..50],
        xy in proptest::collection::vec(any::<f64>(), 0..12),
        scale in prop_oneof![Just(1.0), Just(1e-3), Just(1e8)],
        near in proptest::collection::vec(-5.0..5.0f64, 6..12),
    ) {
        for xy in [xy, near.iter().map(|v| v * scale).collect()] {
            if let Ok(mask) = Rle::from_polygons(size, &[xy]) {
                prop_assert!(mask.area() <= size[0] * size[1]);
            }
        }
    }
}
