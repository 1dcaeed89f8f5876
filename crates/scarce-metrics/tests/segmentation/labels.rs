//! Several labels of one pair of label maps.

use std::collections::BTreeMap;

use ndarray::Array3;
use scarce_image::{Geometry, LabelMap};
use scarce_metrics::{
    Convention, EmptyPolicy, Metric, SegmentationOptions, evaluate_labels, evaluate_masks,
};

use super::{Figures, assert_figures};

/// Blocks of labels 0 to 3 and 700, and a ragged edge between them.
fn map(seed: usize) -> LabelMap {
    let voxels = Array3::from_shape_fn((9, 20, 70), |(z, y, x)| {
        let ragged = (z * 31 + y * 17 + x * 13 + seed * 7) % 5;
        match (x + ragged + 3 * seed) / 15 {
            0 | 3 => 0,
            1 => 1,
            2 if y < 10 => 2,
            2 => 700,
            _ => 3,
        }
    });
    LabelMap::new(
        voxels,
        Geometry::from_spacing_mm_xyz([0.8, 0.8, 2.0]).unwrap(),
    )
}

fn all(
    p: &LabelMap,
    r: &LabelMap,
    labels: &[u16],
    options: &SegmentationOptions,
) -> BTreeMap<u16, Figures> {
    evaluate_labels(p, r, labels, options, &Metric::all(options)).unwrap()
}

#[test]
fn each_label_scores_as_its_masks() {
    let (p, r) = (map(0), map(1));
    // 9 is nowhere; one label by itself takes another way than several.
    for labels in [&[1, 2, 3, 700, 9][..], &[0], &[700]] {
        for convention in [Convention::Pooled, Convention::Area] {
            let options = SegmentationOptions::default()
                .with_convention(convention)
                .with_empty(EmptyPolicy::WorstCase);
            let got = all(&p, &r, labels, &options);
            assert_eq!(got.len(), labels.len());
            for label in labels {
                let mask = |map: &LabelMap| map.map(|value| value == label);
                let alone = evaluate_masks(&mask(&p), &mask(&r), &options, &Metric::all(&options));
                assert_eq!(got[label], alone.unwrap(), "label {label}");
            }
        }
    }
}

/// The figures of a label do not depend on its number, on what else is asked for, or on the order.
#[test]
fn labels_can_be_permuted() {
    let (p, r) = (map(0), map(1));
    let options = SegmentationOptions::default();
    let plain = all(&p, &r, &[1, 2, 3], &options);
    let renamed = |map: &LabelMap| map.map(|value| [0, 3, 1, 2, 9][usize::from(*value).min(4)]);
    let permuted = all(&renamed(&p), &renamed(&r), &[3, 3, 2, 1, 3], &options);
    for (from, to) in [(1, 3), (2, 1), (3, 2)] {
        assert_eq!(plain[&from], permuted[&to], "label {from} as {to}");
    }
}

#[test]
fn a_label_in_one_map_only_is_empty_in_the_other() {
    let (p, r) = (
        map(0),
        map(1).map(|value| if *value == 2 { 0 } else { *value }),
    );
    for (policy, hd95) in [
        (EmptyPolicy::Undefined, None),
        (EmptyPolicy::LegacyZero, Some(0.0)),
    ] {
        let options = SegmentationOptions::default().with_empty(policy);
        let figures = all(&p, &r, &[1, 2], &options);
        assert_eq!(figures[&2]["hd95"].value, hd95);
        assert_figures(
            &figures[&2],
            &[("dice", 0.0), ("precision", 0.0)],
            "label 2",
        );
        assert!(figures[&1]["hd95"].value.is_some_and(|hd95| hd95 > 0.0));
    }
}

/// To the last bit.
#[test]
fn threads_change_nothing() {
    let (p, r) = (map(0), map(1));
    for convention in [Convention::Pooled, Convention::Area] {
        let options = SegmentationOptions::default().with_convention(convention);
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let pool = pool.build().unwrap();
            pool.install(|| all(&p, &r, &[1, 2, 3, 700], &options))
        };
        let alone = on(1);
        assert_eq!(alone, on(2));
        assert_eq!(alone, on(5));
    }
}

#[test]
fn only_what_is_wanted_is_there() {
    let (p, r) = (map(0), map(1));
    let options = SegmentationOptions::default();
    let wanted = [Metric::Dice, Metric::Nsd(0.5)];
    let figures = evaluate_labels(&p, &r, &[1, 2], &options, &wanted).unwrap();
    for figures in figures.values() {
        let names: Vec<&String> = figures.keys().collect();
        assert_eq!(names, ["dice", "nsd_0.5mm"]);
    }
    let none = evaluate_labels(&p, &r, &[], &options, &wanted).unwrap();
    assert!(none.is_empty());
}
