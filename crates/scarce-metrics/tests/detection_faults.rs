//! What pycocotools gets wrong or passes over, and every fault of the files: each told, with its place.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use scarce_metrics::detection::coco::{
    CocoCategory, CocoImage, Segmentation, detections_from_json, detections_to_json,
};
use scarce_metrics::detection::{
    AreaRange, CocoDataset, CocoError, DetectionEvaluation, DetectionOptions, Overlap, Rle,
};
use serde_json::{Value, json};

/// One object, 20 pixels square, on the first of two images.
fn truth() -> Value {
    json!({
        "images": [{"id": 1, "width": 100, "height": 80}, {"id": 4, "width": 50, "height": 60}],
        "categories": [{"id": 3, "name": "lesion"}],
        "annotations": [{
            "id": 7, "image_id": 1, "category_id": 3, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0,
            "segmentation": [[10, 10, 30, 10, 30, 30, 10, 30]],
        }],
    })
}

/// It, found.
fn found() -> Value {
    json!([{
        "image_id": 1, "category_id": 3, "bbox": [10, 10, 20, 20], "score": 0.9,
        "segmentation": [[10, 10, 30, 10, 30, 30, 10, 30]],
    }])
}

/// With one value replaced, by its JSON pointer; without it where there is none to replace it by.
fn with(mut json: Value, at: &str, value: impl Into<Option<Value>>) -> Value {
    let (parent, field) = at.rsplit_once('/').unwrap();
    let parent = json.pointer_mut(parent).unwrap();
    match (parent, value.into()) {
        (Value::Object(fields), None) => {
            fields.remove(field);
        }
        (Value::Object(fields), Some(value)) => {
            fields.insert(field.to_owned(), value);
        }
        (Value::Array(items), Some(value)) => items.push(value),
        (other, None) => panic!("nothing to take from {other}"),
        (other, Some(_)) => panic!("nothing to put into {other}"),
    }
    json
}

fn options(overlap: Overlap) -> DetectionOptions {
    DetectionOptions::default()
        .with_resamples(0)
        .with_overlap(overlap)
}

type Figures = BTreeMap<String, Option<f64>>;

fn score(truth: &str, found: &str, options: &DetectionOptions) -> Result<Figures, CocoError> {
    let dataset = CocoDataset::from_json(truth.as_bytes())?;
    let detections = detections_from_json(found.as_bytes())?;
    Ok(DetectionEvaluation::new(&dataset, &detections, options)?.figures())
}

/// Where pycocotools 2.0.11 is wrong. Its own answers stand beside each case.
#[test]
fn is_right_where_pycocotools_is_wrong() {
    let (truth, found) = (truth(), found());
    let boxes = options(Overlap::Boxes);
    let check =
        |name: &str, truth: &Value, found: &Value, options: &DetectionOptions, ap: Option<f64>| {
            let figures = score(&truth.to_string(), &found.to_string(), options).unwrap();
            assert_eq!(figures["ap"], ap, "{name}");
        };
    check("as it is", &truth, &found, &boxes, Some(1.0));
    // 0.0: an id of 0 is taken for no match.
    let zero = with(truth.clone(), "/annotations/0/id", json!(0));
    check("annotation id 0", &zero, &found, &boxes, Some(1.0));
    // IndexError.
    check("no detections", &truth, &json!([]), &boxes, Some(0.0));
    // -1.
    let nothing = with(truth.clone(), "/annotations", json!([]));
    check("no ground truth", &nothing, &found, &boxes, None);
    check("nothing at all", &nothing, &json!([]), &boxes, None);
    // -1, since none of the limits is 100.
    let limited = options(Overlap::Boxes).with_max_detections([1, 10, 50]);
    check("other limits", &truth, &found, &limited, Some(1.0));
    // KeyError.
    let bare = with(truth.clone(), "/annotations/0/area", None);
    let bare = with(bare, "/annotations/0/iscrowd", None);
    check("no area, no iscrowd", &bare, &found, &boxes, Some(1.0));
    let masks = options(Overlap::Masks);
    check("no area, masks", &bare, &found, &masks, Some(1.0));
    assert_eq!(
        score(&bare.to_string(), &found.to_string(), &masks).unwrap()["ap_small"],
        Some(1.0)
    );

    // -1: undefined, and named for what is missing.
    let options = options(Overlap::Boxes).with_iou_thresholds([0.3, 0.6]);
    let figures = score(&truth.to_string(), &found.to_string(), &options).unwrap();
    assert_eq!((figures["ap"], figures["ap50"]), (Some(1.0), None));
}

/// Scoring must be refused, and the message hold `said`.
fn refuse(truth: &str, found: &str, options: &DetectionOptions, said: &str) {
    match score(truth, found, options) {
        Ok(figures) => panic!("{said:?} is not said of {truth} and {found}: {figures:?}"),
        Err(error) => assert!(error.to_string().contains(said), "{error} lacks {said:?}"),
    }
}

/// Where pycocotools goes on with a wrong or a partial answer, or stops without saying where.
#[test]
fn faults_of_the_ground_truth_are_told() {
    let at = |at: &str, value: Option<Value>| with(truth(), at, value);
    let another = |field: &str, value: Value| {
        let mut other = truth()["annotations"][0].clone();
        other["id"] = json!(8);
        other[field] = value;
        at("/annotations/-", Some(other))
    };
    let twice = |list: &str, item: Value| at(&format!("/{list}/-"), Some(item));
    for (truth, said) in [
        (
            another("id", json!(7)),
            "annotation 7 (annotations[1]) has the id of annotation 7 (annotations[0])",
        ),
        (
            twice("images", json!({"id": 1})),
            "image 1 (images[2]) has the id of image 1 (images[0])",
        ),
        (
            twice("categories", json!({"id": 3, "name": ""})),
            "(categories[1]) has the id of category 3",
        ),
        (
            another("image_id", json!(9)),
            "annotation 8 (annotations[1]): no image has the id 9",
        ),
        (
            another("category_id", json!(9)),
            "annotation 8 (annotations[1]): no category has the id 9",
        ),
        (
            another("bbox", json!([1, 1, -2, 2])),
            "annotation 8 (annotations[1]): bbox width is -2",
        ),
        (
            another("bbox", json!([1, 1, 2, -2])),
            "bbox height is -2, expected 0 or more",
        ),
        (
            another("area", json!(-3)),
            "annotation 8 (annotations[1]): area is -3",
        ),
        (
            another("bbox", json!([1, 2, 3])),
            "annotations[1].bbox: invalid length 3",
        ),
        (
            another("iscrowd", json!(2)),
            "annotations[1].iscrowd: invalid value: integer `2`, expected 0, 1",
        ),
        (
            at("/annotations/0/bbox", None),
            "annotation 7 (annotations[0]) has no bbox",
        ),
        (
            at("/annotations/0/id", None),
            "annotations[0]: missing field `id`",
        ),
        (
            at("/images/0/height", Some(json!(-5))),
            "images[0].height: invalid value: integer `-5`",
        ),
        (at("/images", None), "missing field `images`"),
    ] {
        refuse(
            &truth.to_string(),
            &found().to_string(),
            &options(Overlap::Boxes),
            said,
        );
    }
    let good = truth().to_string();
    for (truth, said) in [
        (String::new(), "ground truth, .: EOF"),
        ("{".to_owned(), "line 1 column 1"),
        (
            good.replace("400", "NaN"),
            "annotations[0].area: NaN is no finite number",
        ),
        (format!("{good} x"), "ground truth, .: trailing characters"),
    ] {
        refuse(&truth, "[]", &options(Overlap::Boxes), said);
    }
    let at = |at: &str, json: Value| with(json, at, None);
    let sizeless = at("/images/0/height", at("/images/0/width", truth()));
    let said = "annotation 7 (annotations[0]): image 1 has no height and width";
    refuse(&sizeless.to_string(), "[]", &options(Overlap::Masks), said);
}

#[test]
fn faults_of_detections_are_told() {
    let at = |at: &str, value: Option<Value>| with(found(), at, value);
    for (found, said) in [
        (
            at("/0/image_id", Some(json!(2))),
            "detection [0] on image 2: no image has the id 2",
        ),
        (
            at("/0/category_id", Some(json!(0))),
            "detection [0] on image 1: no category has the id 0",
        ),
        (
            at("/0/bbox", Some(json!([1, 1, -2, 2]))),
            "detection [0] on image 1: bbox width is -2",
        ),
        (at("/0/bbox", None), "detection [0] on image 1 has no bbox"),
        (
            at("/0/score", None),
            "detections, [0]: missing field `score`",
        ),
        (json!({}), "expected a sequence"),
    ] {
        refuse(
            &truth().to_string(),
            &found.to_string(),
            &options(Overlap::Boxes),
            said,
        );
    }
    for (score, said) in [
        ("NaN", "detections, [0].score: NaN is no finite number"),
        ("Infinity", "[0].score: Infinity is no finite number"),
        ("-Infinity", "[0].score: -Infinity is no finite number"),
        ("1e999", "[0].score: number out of range"),
        ("null", "[0].score: invalid type: null"),
    ] {
        let found = found().to_string().replace("0.9", score);
        refuse(&truth().to_string(), &found, &options(Overlap::Boxes), said);
    }
}

#[test]
fn faults_of_outlines_are_told() {
    let outline = |value: Value| with(found(), "/0/segmentation", value);
    let runs = |size: [u32; 2], counts: Value| outline(json!({"size": size, "counts": counts}));
    for (found, said) in [
        (
            with(found(), "/0/segmentation", None),
            "detection [0] on image 1 has no segmentation",
        ),
        (
            outline(json!([])),
            "detection [0] on image 1 has no segmentation",
        ),
        (
            outline(json!([[1, 1, 2, 2]])),
            "detection [0] on image 1: segmentation: polygon 0 has 4 numbers",
        ),
        (
            outline(json!([[1, 1, 2, 2, 3, 3, 4]])),
            "polygon 0 has 7 numbers",
        ),
        (
            outline(json!([1, 1, 2, 2, 3, 3])),
            "[0].segmentation[0]: invalid type: integer `1`, expected a sequence",
        ),
        (
            outline(json!("mask")),
            "expected a list of polygons or a mask",
        ),
        (
            outline(json!({"counts": "1"})),
            "[0].segmentation: missing field `size`",
        ),
        (
            outline(json!({"size": [-1, 2], "counts": "1"})),
            "[0].segmentation.size[0]: invalid value: integer `-1`",
        ),
        (
            runs([80, 100], json!([5])),
            "counts add up to 5, expected 80 x 100 = 8000",
        ),
        (
            runs([80, 100], json!([-5])),
            "[0].segmentation.counts[0]: invalid value: integer `-5`",
        ),
        (
            runs([80, 100], json!("bo")),
            "the compressed counts end at byte 2 within a count",
        ),
        (
            runs([80, 100], json!("b z")),
            "byte 1 of the compressed counts is 0x20",
        ),
        (
            runs([100, 80], json!([8000])),
            "masks of 100 x 80 and 80 x 100 pixels",
        ),
        (
            runs([1_000_000_000; 2], json!("1")),
            "masks of 1000000000 x 1000000000 and 80 x 100",
        ),
    ] {
        refuse(
            &truth().to_string(),
            &found.to_string(),
            &options(Overlap::Masks),
            said,
        );
    }
}

#[test]
fn faults_of_options_are_told() {
    let base = || options(Overlap::Boxes);
    let range = |name: &str, low: f64, high: f64| AreaRange {
        name: name.to_owned(),
        low,
        high,
    };
    let ranges = |ranges: &[AreaRange]| base().with_area_ranges(ranges);
    let many: Vec<f64> = (1..=65).map(|k| f64::from(k) / 65.0).collect();
    for (options, said) in [
        (
            base().with_iou_thresholds([]),
            "option iou_thresholds: expected 1 to 64 ascending",
        ),
        (base().with_iou_thresholds([0.5, 0.4]), "got [0.5, 0.4]"),
        (base().with_iou_thresholds([f64::NAN]), "got [NaN]"),
        (base().with_iou_thresholds([0.0]), "above 0"),
        (base().with_iou_thresholds(many), "1 to 64"),
        (
            base().with_max_detections([0, 1]),
            "option max_detections: expected ascending counts from 1 up, got [0, 1]",
        ),
        (base().with_max_detections([]), "max_detections"),
        (ranges(&[]), "area_ranges"),
        (ranges(&[range("all", 2.0, 1.0)]), "area_ranges"),
        (
            ranges(&[range("all", 0.0, 1.0), range("all", 0.0, 2.0)]),
            "got \"all\"",
        ),
        (ranges(&[range("10", 0.0, 1.0)]), "got \"10\""),
    ] {
        refuse(&truth().to_string(), &found().to_string(), &options, said);
    }
}

/// What JSON has no word for is not written as `null`.
#[test]
fn only_numbers_are_written() {
    let mut detections = detections_from_json(found().to_string().as_bytes()).unwrap();
    detections[0].score = f64::NAN;
    let message = detections_to_json(&detections).unwrap_err().to_string();
    assert!(message.contains("score is NaN"), "{message}");
    let dataset = CocoDataset::from_json(truth().to_string().as_bytes()).unwrap();
    let mut annotations = dataset.annotations().to_vec();
    annotations[0].segmentation = Some(Segmentation::Polygons(vec![vec![f64::INFINITY; 6]]));
    let images: Vec<CocoImage> = dataset.images().to_vec();
    let categories: Vec<CocoCategory> = dataset.categories().to_vec();
    let dataset = CocoDataset::new(images, annotations, categories).unwrap();
    let message = dataset.to_json().unwrap_err().to_string();
    assert!(
        message.contains("annotation 7") && message.contains("inf"),
        "{message}"
    );
    detections[0].score = f64::INFINITY;
    let error = DetectionEvaluation::new(&dataset, &detections, &options(Overlap::Boxes));
    let message = error.unwrap_err().to_string();
    assert!(
        message.contains("detection [0] on image 1: score is inf"),
        "{message}"
    );
}

/// A polygon, its runs as numbers and its runs as a string are one mask, also where images don't tell their size.
#[test]
fn outlines_of_all_kinds_are_one() {
    let mask = Rle::from_polygons([80, 100], &[[10., 10., 30., 10., 30., 30., 10., 30.]]).unwrap();
    let plain = json!({"size": [80, 100], "counts": mask.to_counts()});
    let compressed = json!({"size": [80, 100], "counts": mask.to_compressed()});
    assert_eq!(
        serde_json::to_value(Segmentation::from(&mask)).unwrap(),
        compressed
    );
    let polygon = found()[0]["segmentation"].clone();
    let sizeless = with(
        with(truth(), "/images/0/width", None),
        "/images/0/height",
        None,
    );
    for a in [&plain, &compressed, &polygon] {
        for b in [&plain, &compressed, &polygon] {
            let of = |truth: Value| {
                let truth = with(truth, "/annotations/0/segmentation", a.clone()).to_string();
                let found = with(found(), "/0/segmentation", b.clone()).to_string();
                score(&truth, &found, &options(Overlap::Masks)).unwrap()
            };
            assert_eq!(of(truth())["ap"], Some(1.0));
            if a.is_object() || b.is_object() {
                assert_eq!(of(sizeless.clone())["ap"], Some(1.0));
            }
        }
    }
}

proptest! {
    /// Whatever stands in the files, they are scored or refused.
    #[test]
    fn any_bytes_are_scored_or_refused(
        noise in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..6),
        in_truth in any::<bool>(),
        cut in any::<prop::sample::Index>(),
        shorten in proptest::bool::weighted(0.2),
        raw in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let masks = with(found(), "/0/segmentation", json!({"size": [80, 100], "counts": "bo0d0`2"}));
        let files = [truth().to_string(), found().to_string(), masks.to_string()];
        for found in &files[1..] {
            let mut texts = [files[0].clone().into_bytes(), found.clone().into_bytes()];
            let text = &mut texts[usize::from(!in_truth)];
            for (at, byte, digit) in &noise {
                let at = at.index(text.len());
                text[at] = if *digit { b'0' + byte % 10 } else { *byte };
            }
            if shorten {
                text.truncate(cut.index(text.len()));
            }
            let read = CocoDataset::from_json(&texts[0])
                .and_then(|dataset| Ok((dataset, detections_from_json(&texts[1])?)));
            match read {
                Err(error) => prop_assert!(!error.to_string().is_empty()),
                Ok((dataset, detections)) => for overlap in [Overlap::Boxes, Overlap::Masks] {
                    if let Ok(of) = DetectionEvaluation::new(&dataset, &detections, &options(overlap)) {
                        let bounded = |v: &Option<f64>| v.is_none_or(|v| (0.0..=1.0).contains(&v));
                        prop_assert!(of.figures().values().all(bounded));
                    }
                },
            }
        }
        prop_assert!(CocoDataset::from_json(&raw).is_err());
        prop_assert!(detections_from_json(&raw).is_err() || raw.starts_with(b"[") || raw.trim_ascii() == b"[]");
    }
}
