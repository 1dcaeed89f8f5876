//! Grounding DINO's interfaces on stand-in graphs (`fixtures/make_grounding_dino.py`), beside `transformers`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod refused;

use std::path::{Path, PathBuf};

use ndarray::Array3;
use scarce_vlm::LocalizeError;
use scarce_vlm::grounding_dino::{GroundingDino, GroundingDinoOptions};
use scarce_vlm::onnx::{ModelFault, ModelFile, SessionOptions};
use scarce_vlm::picture::Picture;
use scarce_vlm::slices::PictureLocalizer as _;
use scarce_vlm::text::TextError;

use refused::Expected;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/grounding_dino")
        .join(name)
}

fn open_with(graph: &str, options: GroundingDinoOptions) -> Result<GroundingDino, LocalizeError> {
    let file = |name| ModelFile::from(fixture(name));
    let session = SessionOptions::default();
    GroundingDino::open(&file(graph), &file("tokenizer.json"), options, &session)
}

const OPTIONS: GroundingDinoOptions = GroundingDinoOptions {
    box_threshold: 0.35,
    text_threshold: 0.45,
};

fn picture() -> Picture {
    let rgb = Array3::from_shape_fn((30, 50, 3), |(y, x, channel)| match channel {
        0 => 5 * x as u8,
        1 => 255 - 8 * y as u8,
        _ => 40 + 120 * u8::from(x > 15 && x < 35 && y > 9 && y < 27),
    });
    Picture::new(rgb).unwrap()
}

#[test]
fn boxes_are_those_of_transformers_in_each_interface() {
    let goldens: serde_json::Value =
        serde_json::from_str(include_str!("fixtures/grounding_dino/goldens.json")).unwrap();
    for golden in goldens.as_array().unwrap() {
        let (graph, prompt) = (&golden["graph"], &golden["prompt"]);
        let mut model = open_with(graph.as_str().unwrap(), OPTIONS).unwrap();
        let close = |found: f32, expected: &serde_json::Value, tolerance: f64, what: &str| {
            let expected = expected.as_f64().unwrap();
            assert!(
                (f64::from(found) - expected).abs() < tolerance,
                "{graph} {prompt} {what}: {found} {expected}"
            );
        };
        let (found, best) = model.detect(&picture(), prompt.as_str().unwrap()).unwrap();
        close(best, &golden["best"], 1e-4, "best");
        let expected = golden["found"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{graph} {prompt}");
        for (found, expected) in found.iter().zip(expected) {
            close(found.score, &expected["score"], 1e-4, "score");
            let b = found.in_picture;
            let corners = [b.start_xy[0], b.start_xy[1], b.stop_xy[0], b.stop_xy[1]];
            for (found, expected) in corners.into_iter().zip(expected["box"].as_array().unwrap()) {
                // In pixels; 1e-4 of the picture is 0.005 of them.
                close(found, expected, 2e-3, "box");
            }
            let words = expected["words"].as_str().unwrap();
            let words = words.replace("[SEP]", "").replace('.', "");
            assert_eq!(found.words, words.trim(), "{graph} {prompt}");
        }
    }
}

#[test]
fn heat_lies_in_the_boxes_in_which_words_were_found() {
    let mut model = open_with("usls.onnx", OPTIONS).unwrap();
    let (found, best) = model.detect(&picture(), "left lung").unwrap();
    let heat = model.heat(&picture(), "left lung").unwrap();
    assert_eq!(heat.score, best);
    let highest = heat.map.iter().copied().fold(0.0, f32::max);
    let with_words = found.iter().filter(|d| !d.words.is_empty());
    assert_eq!(highest, with_words.map(|d| d.score).fold(0.0, f32::max));
    assert!(highest > 0.35);
    // Nothing is above such a threshold; the score says how near it was.
    let options = GroundingDinoOptions {
        box_threshold: 0.99,
        ..OPTIONS
    };
    let nothing = open_with("usls.onnx", options)
        .unwrap()
        .heat(&picture(), "left lung")
        .unwrap();
    assert_eq!((nothing.map.sum(), nothing.score), (0.0, best));
}

#[test]
fn prompts_and_thresholds_are_checked() {
    // Twelve tokens at most here.
    let mut model = open_with("authors.onnx", OPTIONS).unwrap();
    for empty in ["", "  ", " . .. "] {
        assert!(matches!(
            model.heat(&picture(), empty),
            Err(LocalizeError::EmptyPrompt { .. })
        ));
    }
    assert!(matches!(
        model.heat(&picture(), "without liver"),
        Err(LocalizeError::NegatedPrompt { .. })
    ));
    assert!(matches!(
        model.heat(&picture(), &"a".repeat(10_000)),
        Err(LocalizeError::Text(TextError::TooLong { .. }))
    ));
    for prompt in ["肺. Ödem", "left lung ".repeat(100).as_str()] {
        assert!(model.heat(&picture(), prompt).is_ok(), "{prompt:.20}");
    }
    for broken in [-0.1, 1.0, f32::NAN] {
        let options = GroundingDinoOptions {
            text_threshold: broken,
            ..OPTIONS
        };
        let error = open_with("usls.onnx", options).err().unwrap();
        assert!(
            matches!(&error, LocalizeError::Option { option, .. } if *option == "text_threshold"),
            "{error}"
        );
    }
}

#[test]
fn faulty_graphs_are_refused_by_name() {
    let check = |graph: &str, expected: Expected, words: &[&str]| {
        let outcome =
            open_with(graph, OPTIONS).and_then(|mut model| model.heat(&picture(), "liver"));
        refused::check("Grounding DINO", graph, outcome, expected, words);
    };
    check("absent.onnx", |f| matches!(f, ModelFault::Read(_)), &[]);
    check(
        "no_image.onnx",
        |f| matches!(f, ModelFault::MissingInput { .. }),
        &["\"pixel_values\"", "\"samples\""],
    );
    check(
        "more.onnx",
        |f| matches!(f, ModelFault::UnknownInput { .. }),
        &["\"caption\""],
    );
    check(
        "int32.onnx",
        |f| matches!(f, ModelFault::PortType { .. }),
        &["\"input_ids\"", "i64"],
    );
    check(
        "no_boxes.onnx",
        |f| matches!(f, ModelFault::MissingOutput { .. }),
        &["\"pred_boxes\"", "\"boxes\""],
    );
    check(
        "queries.onnx",
        |f| matches!(f, ModelFault::Output { .. }),
        &["[1, 2, 4]", "[1, 3, 4]"],
    );
    check(
        "nan.onnx",
        |f| matches!(f, ModelFault::Output { .. }),
        &["NaN"],
    );
}
