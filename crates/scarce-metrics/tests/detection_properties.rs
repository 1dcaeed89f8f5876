//! What must hold for any detections, and the intervals.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use scarce_image::Seed;
use scarce_metrics::detection::coco::{CocoAnnotation, CocoCategory, CocoImage};
use scarce_metrics::detection::{
    CocoDataset, CocoDetection, DetectionEvaluation, DetectionOptions, detection_report,
};

fn image(id: i64) -> CocoImage {
    CocoImage {
        id,
        height: None,
        width: None,
        file_name: None,
    }
}

fn object(id: i64, image_id: i64, category_id: i64, bbox: [f64; 4]) -> CocoAnnotation {
    CocoAnnotation {
        id,
        image_id,
        category_id,
        bbox: Some(bbox),
        segmentation: None,
        area: None,
        iscrowd: false,
    }
}

fn detection(image_id: i64, category_id: i64, bbox: [f64; 4], score: f64) -> CocoDetection {
    CocoDetection {
        image_id,
        category_id,
        bbox: Some(bbox),
        segmentation: None,
        score,
    }
}

fn categories() -> Vec<CocoCategory> {
    let category = |id: i64| CocoCategory {
        id,
        name: format!("kind {id}"),
    };
    vec![category(4), category(1)]
}

const IMAGES: i64 = 5;

fn dataset(annotations: Vec<CocoAnnotation>) -> CocoDataset {
    CocoDataset::new((0..IMAGES).map(image).collect(), annotations, categories()).unwrap()
}

fn bbox() -> impl Strategy<Value = [f64; 4]> {
    let size = || prop_oneof![1.0..30.0f64, 20.0..150.0f64];
    (0.0..100.0f64, 0.0..100.0f64, size(), size()).prop_map(|(x, y, w, h)| [x, y, w, h])
}

fn objects() -> impl Strategy<Value = Vec<CocoAnnotation>> {
    let one = (
        0..IMAGES,
        prop_oneof![Just(1), Just(4)],
        bbox(),
        proptest::bool::weighted(0.1),
    );
    proptest::collection::vec(one, 1..15).prop_map(|all| {
        let of = |(id, (image_id, category_id, bbox, iscrowd))| CocoAnnotation {
            iscrowd,
            ..object(id, image_id, category_id, bbox)
        };
        (0..).zip(all).map(of).collect()
    })
}

/// Some near an object, others anywhere, no two of one score.
fn detections_of(
    objects: Vec<CocoAnnotation>,
) -> impl Strategy<Value = (Vec<CocoAnnotation>, Vec<CocoDetection>)> {
    let near = (any::<prop::sample::Index>(), -0.2..0.2f64, -0.2..0.2f64);
    let far = (0..IMAGES, prop_oneof![Just(1), Just(4)], bbox());
    let one = (near, far, any::<bool>());
    (
        Just(objects),
        proptest::collection::vec(one, 0..40),
        any::<u64>(),
    )
        .prop_map(|(objects, all, turn)| {
            let n = all.len() as u64;
            let detections = (0..)
                .zip(all)
                .map(|(k, ((at, shift, grow), far, is_near))| {
                    // A stride of an odd prime visits each place once as long as there are fewer of them.
                    let score =
                        ((k * 61 + turn % 61) % 61) as f64 / 61.0 + k as f64 / (100.0 * n as f64);
                    let near = at.get(&objects);
                    let [x, y, w, h] = near.bbox.unwrap();
                    if is_near {
                        let bbox = [x + shift * w, y, w * (1.0 + grow), h];
                        detection(near.image_id, near.category_id, bbox, score)
                    } else {
                        detection(far.0, far.1, far.2, score)
                    }
                });
            let detections = detections.collect();
            (objects, detections)
        })
}

fn data() -> impl Strategy<Value = (Vec<CocoAnnotation>, Vec<CocoDetection>)> {
    objects().prop_flat_map(detections_of)
}

fn figures(dataset: &CocoDataset, detections: &[CocoDetection]) -> BTreeMap<String, Option<f64>> {
    let options = DetectionOptions::default();
    DetectionEvaluation::new(dataset, detections, &options)
        .unwrap()
        .figures()
}

proptest! {
    #[test]
    fn figures_keep_their_bounds_and_order((objects, detections) in data()) {
        let figures = figures(&dataset(objects), &detections);
        for (name, value) in &figures {
            prop_assert!(value.is_none_or(|v| (0.0..=1.0).contains(&v)), "{name}: {value:?}");
        }
        prop_assert!(figures["ar_1"] <= figures["ar_10"] && figures["ar_10"] <= figures["ar_100"]);
        // A mean of ten alike may be off by its last bit.
        prop_assert!(figures["ap"] <= figures["ap50"].map(|v| v + 1e-12));
    }

    #[test]
    fn order_and_ids_mean_nothing((objects, detections) in data(), turn in 0usize..20) {
        let expected = figures(&dataset(objects.clone()), &detections);
        let mut turned = detections.clone();
        turned.rotate_left(turn % detections.len().max(1));
        turned.reverse();
        let mut renamed = objects.clone();
        for (k, object) in renamed.iter_mut().enumerate() {
            object.id = 1000 - 7 * k as i64;
        }
        renamed.rotate_left(turn % objects.len());
        let mut images: Vec<CocoImage> = (0..IMAGES).map(image).collect();
        images.reverse();
        let mut named = categories();
        named.reverse();
        let other = CocoDataset::new(images, renamed, named).unwrap();
        let got = figures(&other, &turned);
        for (name, value) in &expected {
            let apart = (got[name].unwrap_or(-1.0) - value.unwrap_or(-1.0)).abs();
            prop_assert!(apart < 1e-12, "{name}: {:?}, expected {value:?}", got[name]);
        }
    }

    #[test]
    fn what_is_all_found_scores_one(objects in objects()) {
        let found: Vec<CocoDetection> = objects
            .iter()
            .filter(|object| !object.iscrowd)
            .map(|o| detection(o.image_id, o.category_id, o.bbox.unwrap(), o.id as f64))
            .collect();
        for (name, value) in figures(&dataset(objects), &found) {
            let one = value.is_none_or(|value| value == 1.0);
            prop_assert!(one || name == "ar_1" || name == "ar_10", "{name}: {value:?}");
        }
    }

    #[test]
    fn a_surer_mistake_lowers_no_recall((objects, detections) in data()) {
        let dataset = dataset(objects);
        let before = figures(&dataset, &detections);
        let mut more = detections.clone();
        more.push(detection(0, 1, [1000.0, 1000.0, 10.0, 10.0], 9.0));
        let after = figures(&dataset, &more);
        for name in ["ar_100", "ar_small", "ar_large"] {
            prop_assert_eq!(after[name], before[name]);
        }
        for name in ["ap", "ap50", "ap_small"] {
            prop_assert!(after[name] <= before[name], "{name}");
        }
    }
}

/// Twenty images of one object each, every other one found: the recall of a resample is binomial.
/// ```python
/// [scipy.stats.binom.ppf(q, 20, 0.5) / 20 for q in (0.025, 0.975)]  # 0.3, 0.7
/// ```
#[test]
fn the_interval_of_a_share_is_binomial() {
    let box_of = |k: i64| [k as f64, 0.0, 10.0, 10.0];
    let objects = (0..20).map(|k| object(k, k, 1, box_of(k))).collect();
    let dataset = CocoDataset::new((0..20).map(image).collect(), objects, categories()).unwrap();
    let found: Vec<CocoDetection> = (0..10)
        .map(|k| detection(2 * k, 1, box_of(2 * k), 0.5))
        .collect();
    let options = DetectionOptions::default().with_resamples(4000);
    let report = detection_report(&dataset, &found, &options, Seed(5)).unwrap();
    let figure = &report.figures["ar_100"];
    assert_eq!(figure.value, Some(0.5));
    assert!(
        (figure.low.unwrap() - 0.3).abs() < 1e-12 && (figure.high.unwrap() - 0.7).abs() < 1e-12
    );
    assert_eq!((figure.n, figure.n_undefined), (20, 1));
    assert_eq!(report.categories[0].figures["ar_100"], {
        let mut own = figure.clone();
        own.n_undefined = 0;
        own
    });
    let other = &report.categories[1].figures["ar_100"];
    assert_eq!((other.value, other.low, other.n_undefined), (None, None, 1));
    assert_eq!(
        (report.n_images, report.n_annotations, report.n_detections),
        (20, 20, 10)
    );
}

#[test]
fn intervals_need_images_and_resamples() {
    let objects = || vec![object(0, 0, 1, [0.0, 0.0, 10.0, 10.0])];
    let found = [detection(0, 1, [0.0, 0.0, 10.0, 9.0], 0.5)];
    let one = CocoDataset::new(vec![image(0)], objects(), categories()).unwrap();
    let two = CocoDataset::new(vec![image(0), image(1)], objects(), categories()).unwrap();
    let none = DetectionOptions::default().with_resamples(0);
    let some = DetectionOptions::default();
    for (dataset, options, has_interval) in [
        (&one, &some, false),
        (&two, &none, false),
        (&two, &some, true),
    ] {
        let report = detection_report(dataset, &found, options, Seed(0)).unwrap();
        let figure = &report.figures["ap50"];
        assert_eq!(figure.value, Some(1.0));
        assert_eq!(figure.low.is_some(), has_interval);
        assert_eq!(figure.high.is_some(), has_interval);
        assert_eq!(report.figures.len(), report.definition.len());
    }
    let empty = CocoDataset::new(Vec::new(), Vec::new(), Vec::new()).unwrap();
    let report = detection_report(&empty, &[], &some, Seed(0)).unwrap();
    assert!(
        report
            .figures
            .values()
            .all(|f| f.value.is_none() && f.low.is_none() && f.n == 0)
    );
}

/// The report is a function of the seed alone.
#[test]
fn any_number_of_threads_gives_the_same() {
    let objects: Vec<_> = (0..40)
        .map(|k| {
            object(
                k,
                k % IMAGES,
                1 + 3 * (k % 2),
                [3.0 * k as f64, 0.0, 10.0 + k as f64, 20.0],
            )
        })
        .collect();
    let found: Vec<_> = objects
        .iter()
        .map(|o| {
            let [x, y, w, h] = o.bbox.unwrap();
            let shift = (o.id * 37 % 11) as f64;
            detection(
                o.image_id,
                o.category_id,
                [x + shift, y, w, h],
                (o.id % 7) as f64,
            )
        })
        .collect();
    let dataset = dataset(objects);
    let report = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let options = DetectionOptions::default().with_resamples(60);
        pool.install(|| detection_report(&dataset, &found, &options, Seed(seed)).unwrap())
    };
    let one = report(1, 3);
    assert_eq!(one, report(4, 3));
    assert_ne!(one.figures["ap"].low, report(1, 4).figures["ap"].low);
    assert_eq!(one.figures["ap"].value, report(1, 4).figures["ap"].value);
}
