//! CLIPSeg on a tiny network of random weights (`fixtures/make_clipseg.py`), beside `transformers`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod refused;

use std::path::{Path, PathBuf};

use ndarray::Array3;
use scarce_vlm::LocalizeError;
use scarce_vlm::clipseg::ClipSeg;
use scarce_vlm::onnx::{ModelFault, ModelFile, SessionOptions};
use scarce_vlm::picture::Picture;
use scarce_vlm::slices::PictureLocalizer as _;
use scarce_vlm::text::{MAX_TEXT_CHARS, TextError};

use refused::Expected;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/clipseg")
        .join(name)
}

fn open(graph: &str) -> Result<ClipSeg, LocalizeError> {
    let file = |name| ModelFile::from(fixture(name));
    let options = SessionOptions::default();
    ClipSeg::open(&file(graph), &file("tokenizer.json"), &options)
}

fn picture() -> Picture {
    let rgb = Array3::from_shape_fn((30, 50, 3), |(y, x, channel)| match channel {
        0 => 5 * x as u8,
        1 => 255 - 8 * y as u8,
        _ => 40 + 120 * u8::from(x > 15 && x < 35 && y > 9 && y < 27),
    });
    Picture::new(rgb).unwrap()
}

#[test]
fn heat_is_that_of_transformers() {
    let goldens: serde_json::Value =
        serde_json::from_str(include_str!("fixtures/clipseg/goldens.json")).unwrap();
    let mut model = open("clipseg.onnx").unwrap();
    // The last prompt is longer than 77 tokens, and is cut.
    for golden in goldens.as_array().unwrap() {
        let prompt = golden["prompt"].as_str().unwrap();
        let found = model.heat(&picture(), prompt).unwrap();
        let close = |found: f32, expected: &serde_json::Value, tolerance: f64, what: &str| {
            let expected = expected.as_f64().unwrap();
            assert!(
                (f64::from(found) - expected).abs() < tolerance,
                "{prompt:.20} {what}: {found} {expected}"
            );
        };
        close(found.score, &golden["score"], 1e-4, "score");
        close(found.map.sum(), &golden["sum"], 0.1, "sum");
        for (y, row) in golden["rows"].as_object().unwrap() {
            let y: usize = y.parse().unwrap();
            for (x, expected) in row.as_array().unwrap().iter().enumerate() {
                close(found.map[[y, x]], expected, 1e-4, &format!("({y}, {x})"));
            }
        }
    }
    let names: Vec<String> = model.models().into_iter().map(|m| m.file_name).collect();
    assert_eq!(names, ["clipseg.onnx", "tokenizer.json"]);
}

#[test]
fn a_text_without_an_axis_of_its_own_is_one_too() {
    // Heat is the sigmoid of the normalised pixels' mean: highest where the picture is brightest.
    let found = open("flat.onnx")
        .unwrap()
        .heat(&picture(), "heart")
        .unwrap();
    assert_eq!(found.map.dim(), (30, 50));
    assert!(found.map[[12, 33]] > 0.65 && found.map[[29, 0]] < 0.3);
}

#[test]
fn prompts_are_checked() {
    let mut model = open("clipseg.onnx").unwrap();
    for empty in ["", "  ", "\n"] {
        assert!(matches!(
            model.heat(&picture(), empty),
            Err(LocalizeError::EmptyPrompt { .. })
        ));
    }
    assert!(matches!(
        model.heat(&picture(), "no tumour"),
        Err(LocalizeError::NegatedPrompt { .. })
    ));
    for length in [MAX_TEXT_CHARS + 1, 10_000] {
        assert!(matches!(
            model.heat(&picture(), &"a".repeat(length)),
            Err(LocalizeError::Text(TextError::TooLong { .. }))
        ));
    }
    for prompt in ["肺", "🫁", "\u{0}", &"word ".repeat(800)] {
        let found = model.heat(&picture(), prompt).unwrap();
        assert!(found.map.iter().all(|value| (0.0..=1.0).contains(value)));
    }
}

#[test]
fn faulty_files_are_refused_by_name() {
    let check = |graph: &str, expected: Expected, words: &[&str]| {
        let outcome = open(graph).and_then(|mut model| model.heat(&picture(), "heart"));
        refused::check("CLIPSeg", graph, outcome, expected, words);
    };
    check("absent.onnx", |f| matches!(f, ModelFault::Read(_)), &[]);
    check(
        "int32.onnx",
        |f| matches!(f, ModelFault::PortType { .. }),
        &["\"input_ids\"", "i64 tensor of rank 2"],
    );
    check(
        "channels.onnx",
        |f| matches!(f, ModelFault::PortType { .. }),
        &["\"logits\"", "rank 3"],
    );
    check(
        "nan.onnx",
        |f| matches!(f, ModelFault::Output { .. }),
        &["NaN", "finite"],
    );
    check(
        "twice.onnx",
        |f| matches!(f, ModelFault::Output { .. }),
        &["[2, 352, 352]"],
    );

    let graph = ModelFile::from(fixture("clipseg.onnx"));
    let options = SessionOptions::default();
    let pinned = ModelFile::pinned(fixture("tokenizer.json"), "0".repeat(64));
    for (tokenizer, words) in [
        (pinned, "sha256"),
        (fixture("absent.json").into(), "cannot be read"),
        (fixture("goldens.json").into(), "cannot use the tokenizer"),
    ] {
        let error = ClipSeg::open(&graph, &tokenizer, &options).err().unwrap();
        assert!(
            matches!(error, LocalizeError::Text(TextError::Tokenizer { .. })),
            "{error}"
        );
        assert!(error.to_string().contains(words), "{error}");
    }
}
