//! The label-map localizer with a stand-in encoder that needs no model: words shared make texts similar.

#![allow(
    clippy::unwrap_used,
    reason = "what stands between the tests is test code too"
)]

use std::collections::BTreeMap;

use ndarray::{Array2, Array3};
use scarce_image::{Geometry, LabelMap, Volume};
use scarce_vlm::{
    LocalizeError, Localizer, ModelRecord,
    label_map::{LabelMapLocalizer, LabelMapOptions},
    text::{SentenceEncoder, TextError},
};

/// Counts the words of a text in 4096 buckets, articles left out.
struct WordCounts;

impl SentenceEncoder for WordCounts {
    fn encode(&mut self, texts: &[&str]) -> Result<Array2<f32>, TextError> {
        let mut rows = Array2::<f32>::zeros((texts.len(), 4096));
        for (mut row, text) in rows.outer_iter_mut().zip(texts) {
            let lower = text.to_lowercase();
            for word in lower
                .split(|c: char| !c.is_alphanumeric())
                .filter(|w| !w.is_empty())
            {
                let hash = word
                    .bytes()
                    .fold(5381_usize, |h, b| h.wrapping_mul(33) ^ usize::from(b));
                if !["the", "a", "of"].contains(&word) {
                    row[hash % 4096] += 1.0;
                }
            }
            let norm = row.dot(&row).sqrt();
            row.mapv_inplace(|v| v / norm);
        }
        Ok(rows)
    }

    fn models(&self) -> Vec<ModelRecord> {
        vec![ModelRecord::new(
            "text encoder",
            "words.onnx".as_ref(),
            b"words",
        )]
    }
}

/// Names numbered from 1, one voxel each in a row along x, voxel 0 the background.
fn row_of(names: &[&str]) -> (LabelMap, BTreeMap<u16, String>) {
    let names: BTreeMap<u16, String> = names
        .iter()
        .enumerate()
        .map(|(i, n)| (i as u16 + 1, (*n).to_owned()))
        .collect();
    let labels: Vec<u16> = (0..=names.len() as u16).collect();
    let geometry = Geometry::from_spacing_mm_xyz([0.5, 1.0, 2.0]).unwrap();
    let voxels = Array3::from_shape_vec((1, 1, labels.len()), labels).unwrap();
    (Volume::new(voxels, geometry), names)
}

fn localizer(names: &[&str]) -> (LabelMapLocalizer<WordCounts>, Volume<f32>) {
    let (labels, names) = row_of(names);
    let image = labels.map(|_| 0.0_f32);
    let options = LabelMapOptions::default();
    (
        LabelMapLocalizer::new(WordCounts, labels, names, options).unwrap(),
        image,
    )
}

const TOTAL: [&str; 19] = [
    "kidney_right",
    "kidney_left",
    "lung_upper_lobe_left",
    "lung_lower_lobe_left",
    "lung_upper_lobe_right",
    "lung_middle_lobe_right",
    "lung_lower_lobe_right",
    "heart",
    "vertebrae_L2",
    "vertebrae_L1",
    "vertebrae_T12",
    "vertebrae_T11",
    "rib_left_1",
    "rib_left_2",
    "rib_right_1",
    "rib_right_2",
    "gluteus_maximus_left",
    "gluteus_medius_left",
    "clavicula_left",
];

const SLICER: [&str; 7] = [
    "ribs",
    "cervical vertebral column",
    "thoracic vertebral column",
    "lumbar vertebral column",
    "right lung",
    "left lung",
    "tissue",
];

#[test]
fn composites_follow_from_the_names() {
    let check = |names: &[&str], prompt: &str, expected: &[&str]| {
        let (mut localizer, image) = localizer(names);
        let region = localizer
            .localize(&image, prompt)
            .unwrap_or_else(|e| panic!("{prompt}: {e}"));
        let found: Vec<&str> = region
            .provenance()
            .matches
            .iter()
            .map(|m| m.name.as_str())
            .collect();
        assert_eq!(found, expected, "{prompt}");
        assert_eq!(region.voxel_count(), expected.len(), "{prompt}");
    };
    check(&TOTAL, "heart", &TOTAL[7..8]);
    check(&TOTAL, "left kidney", &TOTAL[1..2]);
    check(&TOTAL, "Right Kidney", &TOTAL[0..1]);
    check(&TOTAL, "kidneys", &TOTAL[0..2]);
    check(&TOTAL, "the kidney", &TOTAL[0..2]);
    check(&TOTAL, "left lung", &TOTAL[2..4]);
    check(&TOTAL, "right lung", &TOTAL[4..7]);
    check(&TOTAL, "lungs", &TOTAL[2..7]);
    check(&TOTAL, "upper lobe of the left lung", &TOTAL[2..3]);
    check(
        &TOTAL,
        "lower lobes",
        &["lung_lower_lobe_left", "lung_lower_lobe_right"],
    );
    check(&TOTAL, "spine", &TOTAL[8..12]);
    check(&TOTAL, "lumbar vertebrae", &TOTAL[8..10]);
    check(&TOTAL, "thoracic spine", &TOTAL[10..12]);
    check(&TOTAL, "vertebra T12", &TOTAL[10..11]);
    check(&TOTAL, "second lumbar vertebra", &TOTAL[8..9]);
    check(&TOTAL, "ribs", &TOTAL[12..16]);
    check(&TOTAL, "left ribs", &TOTAL[12..14]);
    check(&TOTAL, "rib 1", &["rib_left_1", "rib_right_1"]);
    check(&TOTAL, "second right rib", &TOTAL[15..16]);
    check(&TOTAL, "gluteal muscles", &TOTAL[16..18]);
    // The map has the left one only: a prompt without a side means it.
    check(&TOTAL, "left clavicle", &TOTAL[18..19]);
    check(&TOTAL, "collarbone", &TOTAL[18..19]);
    check(&SLICER, "left lung", &SLICER[5..6]);
    check(&SLICER, "lungs", &SLICER[4..6]);
    check(&SLICER, "spine", &SLICER[1..4]);
    check(&SLICER, "cervical spine", &SLICER[1..2]);
    check(&SLICER, "ribs", &SLICER[0..1]);
    check(
        &["some organ", "other thing"],
        "other thing",
        &["other thing"],
    );
}

#[test]
fn refuses_what_it_cannot_honour() {
    type Expected = fn(&LocalizeError) -> bool;
    let check = |names: &[&str], prompt: &str, expected: Expected| {
        let (mut localizer, image) = localizer(names);
        match localizer.localize(&image, prompt) {
            Ok(region) => panic!("{prompt}: {:?}", region.localization()),
            Err(error) => assert!(expected(&error), "{prompt}: {error}"),
        }
    };
    check(&TOTAL, "banana", |e| {
        matches!(e, LocalizeError::UnknownPrompt { prompt, nearest, .. }
            if prompt == "banana" && nearest.len() == 5)
    });
    // Known to anatomy, but not in the map, although the map's names share its words.
    check(
        &SLICER,
        "heart",
        |e| matches!(e, LocalizeError::UnknownPrompt { outside: Some(o), .. } if o.name == "heart"),
    );
    check(
        &TOTAL,
        "optic nerve",
        |e| matches!(e, LocalizeError::UnknownPrompt { outside: Some(o), .. } if o.name == "optic nerve"),
    );
    check(&TOTAL, "  ", |e| {
        matches!(e, LocalizeError::EmptyPrompt { .. })
    });
    check(
        &TOTAL,
        "not the heart",
        |e| matches!(e, LocalizeError::NegatedPrompt { word, .. } if word == "not"),
    );
}

#[test]
fn an_unknown_prompt_says_what_is_near() {
    let (mut localizer, image) = localizer(&["heart", "liver"]);
    let message = localizer
        .localize(&image, "heart rate belt")
        .unwrap_err()
        .to_string();
    // 1 word of 3 shared: 1 / sqrt(3).
    assert_eq!(
        message,
        "unknown prompt \"heart rate belt\": best similarity 0.577, needed 0.610; nearest: heart 0.577, liver 0.000"
    );
}

#[test]
fn an_absent_structure_is_an_error() {
    let (labels, names) = row_of(&["heart", "liver"]);
    let empty = labels.map(|label| if *label == 2 { 0 } else { *label });
    let image = empty.map(|_| 0.0_f32);
    let mut localizer =
        LabelMapLocalizer::new(WordCounts, empty, names, LabelMapOptions::default()).unwrap();
    match localizer.localize(&image, "liver") {
        Err(LocalizeError::AbsentStructure {
            structure, labels, ..
        }) => {
            assert_eq!((structure.as_str(), labels.as_slice()), ("liver", &[2][..]));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_image_must_lie_on_the_label_maps_grid() {
    let (mut localizer, image) = localizer(&["heart", "liver"]);
    let shorter = Volume::new(Array3::<f32>::zeros((1, 1, 2)), *image.geometry());
    let moved = Volume::new(
        image.voxels().clone(),
        Geometry::axis_aligned([0.5, 1.0, 2.0], [0.0, 0.0, 5.0].into()).unwrap(),
    );
    for other in [shorter, moved] {
        let error = localizer.localize(&other, "heart").unwrap_err();
        assert!(
            matches!(error, LocalizeError::GridMismatch { .. }),
            "{error}"
        );
    }
    assert!(localizer.localize(&image, "heart").is_ok());
}

#[test]
fn refuses_names_and_options_that_mean_nothing() {
    let check = |names: &[(u16, &str)], threshold: f32, words: &str| {
        let (labels, _) = row_of(&["heart"]);
        let names = names.iter().map(|(l, n)| (*l, (*n).to_owned())).collect();
        let options = LabelMapOptions::default().with_threshold(threshold);
        let error = LabelMapLocalizer::new(WordCounts, labels, names, options)
            .err()
            .unwrap();
        assert!(error.to_string().contains(words), "{error}");
    };
    check(&[], 0.5, "at least one label");
    check(&[(0, "background")], 0.5, "at least one label");
    check(&[(1, "heart"), (2, "_")], 0.5, "label 2");
    check(&[(1, "left")], 0.5, "label 1");
    for threshold in [-0.1, 1.1, f32::NAN] {
        check(&[(1, "heart")], threshold, "threshold");
    }
}

#[test]
fn heat_boxes_and_record_agree() {
    let (mut localizer, image) = localizer(&TOTAL);
    let region = localizer.localize(&image, "kidneys").unwrap();
    let heat = region.heat().voxels();
    assert!(
        heat[[0, 0, 0]].abs() < f32::EPSILON,
        "the background is cold"
    );
    assert!((heat[[0, 0, 1]] - 1.0).abs() < 1e-6 && (heat[[0, 0, 2]] - 1.0).abs() < 1e-6);
    assert!(heat[[0, 0, 8]] < 0.5, "the heart is colder");
    let boxes: Vec<_> = region
        .boxes()
        .iter()
        .map(|b| (b.name.as_str(), b.start_zyx, b.stop_zyx))
        .collect();
    assert_eq!(
        boxes,
        [
            ("kidneys, left", [0, 0, 2], [1, 1, 3]),
            ("kidneys, right", [0, 0, 1], [1, 1, 2])
        ]
    );
    assert!((region.score() - 1.0).abs() < 1e-6);

    // A side in the prompt leaves the other side cold.
    let region = localizer.localize(&image, "left kidney").unwrap();
    assert!(region.heat().voxels()[[0, 0, 1]].abs() < f32::EPSILON);
    assert_eq!(region.boxes().len(), 1);

    let record = serde_json::to_value(region.localization()).unwrap();
    assert_eq!(record["localizer"], "label-map");
    assert_eq!(record["prompt"], "left kidney");
    assert_eq!(record["models"][0]["file_name"], "words.onnx");
    assert_eq!(record["matches"][0]["name"], "kidney_left");
    assert_eq!(record["matches"][0]["voxels"], 1);
    assert_eq!(record["settings"]["threshold"], 0.61);
}

#[test]
fn equal_calls_give_equal_bytes() {
    let bytes = || {
        let (mut localizer, image) = localizer(&TOTAL);
        let first = localizer.localize(&image, "left ribs").unwrap();
        localizer.localize(&image, "heart").unwrap();
        let second = localizer.localize(&image, "left ribs").unwrap();
        assert_eq!(first, second, "an earlier prompt changed a later answer");
        serde_json::to_string_pretty(&first.localization()).unwrap()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn labels_without_a_name_are_listed_and_never_found() {
    let (labels, mut names) = row_of(&["heart", "liver", "spleen"]);
    names.remove(&2);
    let image = labels.map(|_| 0.0_f32);
    let mut localizer =
        LabelMapLocalizer::new(WordCounts, labels, names, LabelMapOptions::default()).unwrap();
    let region = localizer.localize(&image, "heart").unwrap();
    assert_eq!(
        region.provenance().settings["unnamed_labels"],
        serde_json::json!([2])
    );
    assert_eq!(region.voxel_count(), 1);
    assert_eq!(localizer.concept_names(), ["heart", "spleen"]);
}
