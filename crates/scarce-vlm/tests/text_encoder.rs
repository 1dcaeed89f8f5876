//! The text encoder on tiny graphs (`fixtures/make_models.py`) and on the real one
//! (`fixtures/make_goldens.py`; its two files come from `cargo xtask setup`).

#![allow(
    clippy::unwrap_used,
    reason = "what stands between the tests is test code too"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use scarce_vlm::{
    onnx::{ModelFault, OnnxError},
    text::{MAX_TEXT_CHARS, SentenceEncoder, TextEncoder, TextError},
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn model_file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/models/minilm");
    let path = folder.join(name);
    assert!(
        path.is_file(),
        "run `cargo xtask setup`; missing: {}",
        path.display()
    );
    path
}

fn load(model: &str) -> Result<TextEncoder, TextError> {
    TextEncoder::load(&fixture(model), &fixture("tokenizer.json"))
}

fn assert_close(got: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (g, e) in got.iter().zip(expected) {
        assert!(
            (f64::from(*g) - e).abs() <= tolerance,
            "{what}: {got:?}, expected {expected:?}"
        );
    }
}

#[test]
fn pools_the_hidden_states() {
    // [CLS] (1 0 0 0), heart (0 0 3 0), [SEP] (0 1 0 0): mean (1 1 3 0) / 3, of length sqrt(11) / 3.
    let mut encoder = load("hidden.onnx").unwrap();
    let rows = encoder.encode(&["Heart", "left lung"]).unwrap();
    assert_eq!(rows.dim(), (2, 4));
    let n = 11.0_f64.sqrt();
    assert_close(
        &rows.row(0).to_vec(),
        &[1.0 / n, 1.0 / n, 3.0 / n, 0.0],
        1e-6,
        "heart",
    );
    // (1 0 0 0) + (0 0 0 3) + (2 2 2 2) + (0 1 0 0) = (3 3 2 5), of length sqrt(47).
    let n = 47.0_f64.sqrt();
    assert_close(
        &rows.row(1).to_vec(),
        &[3.0 / n, 3.0 / n, 2.0 / n, 5.0 / n],
        1e-6,
        "left lung",
    );
    let alone = encoder.encode(&["left lung"]).unwrap();
    assert_eq!(
        alone.row(0),
        rows.row(1),
        "a text's vector depends on its neighbour"
    );
    assert_eq!(encoder.encode(&[]).unwrap().nrows(), 0);
}

#[test]
fn takes_a_sentence_vector_as_it_comes() {
    // The maximum over [CLS], heart, [SEP] is (1 1 3 0).
    let rows = load("sentence.onnx").unwrap().encode(&["heart"]).unwrap();
    let n = 11.0_f64.sqrt();
    assert_close(
        &rows.row(0).to_vec(),
        &[1.0 / n, 1.0 / n, 3.0 / n, 0.0],
        1e-6,
        "heart",
    );
}

#[test]
fn refuses_texts() {
    let mut encoder = load("hidden.onnx").unwrap();
    for empty in ["", "  ", "\n\t"] {
        let error = encoder.encode(&["heart", empty]).unwrap_err();
        assert!(matches!(error, TextError::Empty { index: 1 }), "{error}");
    }
    let long = "a".repeat(MAX_TEXT_CHARS + 1);
    let error = encoder.encode(&[&long]).unwrap_err();
    assert!(
        matches!(error, TextError::TooLong { index: 0, .. }),
        "{error}"
    );
    let error = encoder.encode(&["nothing"]).unwrap_err().to_string();
    assert!(
        error.contains("as zero, expected a vector other than zero"),
        "{error}"
    );
}

#[test]
fn refuses_other_interfaces_by_name() {
    type Expected = fn(&ModelFault) -> bool;
    let check = |model: &str, expected: Expected, words: &[&str]| {
        let Err(TextError::Onnx(OnnxError::Model { name, fault, path })) = load(model) else {
            panic!("{model} is no text encoder");
        };
        assert_eq!(name, "text encoder");
        assert!(expected(&fault), "{model}: {fault:?}");
        let message = OnnxError::Model { name, fault, path }.to_string();
        for word in words {
            assert!(message.contains(word), "{message}");
        }
        assert!(message.ends_with(model), "the path comes last: {message}");
    };
    check(
        "other_input.onnx",
        |f| matches!(f, ModelFault::MissingInput { .. }),
        &["\"input_ids\"", "[\"tokens\", \"attention_mask\"]"],
    );
    check(
        "more_inputs.onnx",
        |f| matches!(f, ModelFault::UnknownInput { .. }),
        &["\"position_ids\"", "\"token_type_ids\""],
    );
    check(
        "int32_ids.onnx",
        |f| matches!(f, ModelFault::PortType { .. }),
        &["\"input_ids\"", "i64 tensor of rank 2"],
    );
    check(
        "other_output.onnx",
        |f| matches!(f, ModelFault::MissingOutput { .. }),
        &[
            "\"last_hidden_state\"",
            "\"sentence_embedding\"",
            "[\"pooler\"]",
        ],
    );
    check(
        "flat_output.onnx",
        |f| matches!(f, ModelFault::PortType { .. }),
        &["\"last_hidden_state\"", "rank 3"],
    );
    check(
        "absent.onnx",
        |f| matches!(f, ModelFault::Read(_)),
        &["cannot be read"],
    );
}

#[test]
fn refuses_what_is_no_model() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(fixture("hidden.onnx")).unwrap();
    let mut flipped = whole.clone();
    for byte in &mut flipped {
        *byte ^= 0x55;
    }
    let cases: [(&str, &[u8]); 6] = [
        ("empty.onnx", b""),
        ("text.onnx", b"this is no model"),
        ("page.onnx", b"<!DOCTYPE html><html></html>"),
        ("half.onnx", &whole[..whole.len() / 2]),
        ("nearly.onnx", &whole[..whole.len() - 1]),
        ("flipped.onnx", &flipped),
    ];
    for (name, bytes) in cases {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let Err(error) = TextEncoder::load(&path, &fixture("tokenizer.json")) else {
            panic!("{name} was loaded");
        };
        let TextError::Onnx(OnnxError::Model { fault, .. }) = &error else {
            panic!("{error}")
        };
        assert!(matches!(**fault, ModelFault::Load(_)), "{error}");
        assert!(error.to_string().ends_with(name), "{error}");
    }
}

#[test]
fn refuses_what_is_no_tokenizer() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(fixture("tokenizer.json")).unwrap();
    let cases: [(&str, &[u8]); 3] = [
        ("empty.json", b""),
        ("other.json", b"{\"a\": 1}"),
        ("half.json", &whole[..whole.len() / 2]),
    ];
    for (name, bytes) in cases {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let Err(error) = TextEncoder::load(&fixture("hidden.onnx"), &path) else {
            panic!("{name} was loaded");
        };
        assert!(matches!(error, TextError::Tokenizer { .. }), "{error}");
        assert!(error.to_string().ends_with(name), "{error}");
    }
    let absent = folder.path().join("absent.json");
    let error = TextEncoder::load(&fixture("hidden.onnx"), &absent)
        .err()
        .unwrap();
    assert!(matches!(error, TextError::Tokenizer { .. }), "{error}");
}

#[test]
fn real_vectors_equal_python() {
    let mut encoder =
        TextEncoder::load(&model_file("model.onnx"), &model_file("tokenizer.json")).unwrap();
    let goldens: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("fixtures/minilm.json")).unwrap();
    let texts: Vec<&str> = goldens
        .iter()
        .map(|g| g["text"].as_str().unwrap())
        .collect();
    let rows = encoder.encode(&texts).unwrap();
    assert_eq!(rows.ncols(), 384);
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect()
    };
    for (golden, row) in goldens.iter().zip(rows.outer_iter()) {
        let row = row.to_vec();
        let text = golden["text"].as_str().unwrap();
        assert_close(&row[..8], &numbers(&golden["first"]), 1e-4, text);
        assert_close(&row[376..], &numbers(&golden["last"]), 1e-4, text);
        let length: f32 = row.iter().map(|v| v * v).sum();
        assert!((length - 1.0).abs() < 1e-5, "{text}");
    }
    let names: Vec<String> = encoder.models().into_iter().map(|m| m.file_name).collect();
    assert_eq!(names, ["model.onnx", "tokenizer.json"]);
}
