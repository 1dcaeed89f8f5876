//! SAM's family on a tiny network of random weights (`fixtures/make_sam.py`), beside what the authors' code answers.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use ndarray::Array3;
use scarce_vlm::LocalizeError;
use scarce_vlm::onnx::{ModelFault, ModelFile, OnnxError, SessionOptions};
use scarce_vlm::picture::{Picture, PictureBox};
use scarce_vlm::refine::Refiner as _;
use scarce_vlm::sam::{SamPreprocessing, SamRefiner};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/sam")
        .join(name)
}

fn open(
    encoder: impl Into<ModelFile>,
    decoder: impl Into<ModelFile>,
    preprocessing: Option<SamPreprocessing>,
) -> Result<SamRefiner, OnnxError> {
    let options = SessionOptions::default();
    SamRefiner::open(&encoder.into(), &decoder.into(), preprocessing, &options)
}

fn tiny(preprocessing: SamPreprocessing) -> SamRefiner {
    open(
        fixture("encoder.onnx"),
        fixture("decoder.onnx"),
        Some(preprocessing),
    )
    .unwrap()
}

fn picture() -> Picture {
    let rgb = Array3::from_shape_fn((40, 56, 3), |(y, x, channel)| match channel {
        0 => 4 * x as u8,
        1 => 255 - 5 * y as u8,
        _ => 40 + 120 * u8::from(x > 15 && x < 35 && y > 9 && y < 27),
    });
    Picture::new(rgb).unwrap()
}

const BOX: PictureBox = PictureBox {
    start_xy: [11.0, 8.0],
    stop_xy: [41.0, 30.0],
};

#[test]
fn each_member_answers_as_its_authors_code() {
    let goldens: serde_json::Value =
        serde_json::from_str(include_str!("fixtures/sam/goldens.json")).unwrap();
    for golden in goldens["answers"].as_array().unwrap() {
        let name = golden["preprocessing"].clone();
        let preprocessing: SamPreprocessing = serde_json::from_value(name.clone()).unwrap();
        let mut refiner = tiny(preprocessing);
        assert_eq!(refiner.name(), name);
        let answers = refiner.refine(&picture(), &[BOX, BOX]).unwrap();
        assert_eq!(answers[0], answers[1]);
        let iou = golden["iou"].as_f64().unwrap();
        assert!((f64::from(answers[0].score) - iou).abs() < 1e-4, "{name}");
        let heat = golden["heat"].as_array().unwrap();
        assert_eq!(answers[0].map.len(), heat.len());
        for ((at, found), expected) in answers[0].map.indexed_iter().zip(heat) {
            let expected = expected.as_f64().unwrap();
            assert!(
                (f64::from(*found) - expected).abs() < 1e-4,
                "{name} {at:?}: {found} {expected}"
            );
        }
    }
}

#[test]
fn boxes_are_checked() {
    let mut refiner = tiny(SamPreprocessing::Sam);
    assert!(refiner.refine(&picture(), &[]).unwrap().is_empty());
    for (start_xy, stop_xy) in [
        ([5.0, 5.0], [5.0, 9.0]),
        ([9.0, 5.0], [5.0, 9.0]),
        ([-1.0, 5.0], [5.0, 9.0]),
        ([5.0, 5.0], [57.0, 9.0]),
        ([5.0, 5.0], [9.0, 41.0]),
        ([f32::NAN, 5.0], [9.0, 9.0]),
        ([5.0, 5.0], [f32::INFINITY, 9.0]),
    ] {
        let error = refiner.refine(&picture(), &[BOX, PictureBox { start_xy, stop_xy }]);
        assert!(
            matches!(error, Err(LocalizeError::Option { option: "box", .. })),
            "{start_xy:?} {stop_xy:?}"
        );
    }
    // The smallest pictures are pictures too.
    let one = Picture::new(Array3::zeros((1, 1, 3))).unwrap();
    let whole = PictureBox {
        start_xy: [0.0, 0.0],
        stop_xy: [1.0, 1.0],
    };
    for preprocessing in [
        SamPreprocessing::Sam,
        SamPreprocessing::MedSam,
        SamPreprocessing::LiteMedSam,
    ] {
        let answers = tiny(preprocessing).refine(&one, &[whole]).unwrap();
        assert_eq!(answers[0].map.dim(), (1, 1));
    }
}

#[test]
fn two_sessions_in_threads_answer_alike() {
    let alone = tiny(SamPreprocessing::Sam)
        .refine(&picture(), &[BOX])
        .unwrap();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            thread::spawn(|| {
                let mut refiner = tiny(SamPreprocessing::Sam);
                (0..5)
                    .map(|_| refiner.refine(&picture(), &[BOX]).unwrap())
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    for thread in threads {
        for answer in thread.join().unwrap() {
            assert_eq!(answer, alone);
        }
    }
}

/// A copy of a fixture whose metadata say `preprocessing`: protocol buffers may be concatenated.
fn saying(folder: &Path, name: &str, preprocessing: &str) -> PathBuf {
    let key = "preprocessing";
    let mut entry = vec![0x0a, key.len() as u8];
    entry.extend(key.as_bytes());
    entry.extend([0x12, preprocessing.len() as u8]);
    entry.extend(preprocessing.as_bytes());
    let mut bytes = fs::read(fixture(name)).unwrap();
    // `ModelProto.metadata_props` is field 14.
    bytes.extend([0x72, entry.len() as u8]);
    bytes.extend(entry);
    let path = folder.join(format!("{preprocessing}-{name}"));
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn preprocessing_is_what_the_files_say_or_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name, told| saying(folder.path(), name, told);
    let [encoder, decoder] = ["encoder.onnx", "decoder.onnx"];
    let told = open(file(encoder, "medsam"), file(decoder, "medsam"), None).unwrap();
    assert_eq!(told.preprocessing(), SamPreprocessing::MedSam);
    let half = open(file(encoder, "lite-medsam"), fixture(decoder), None).unwrap();
    assert_eq!(half.preprocessing(), SamPreprocessing::LiteMedSam);

    let refused = |encoder: PathBuf, decoder: PathBuf, chosen, words: &str| {
        let error = open(encoder, decoder, chosen).err().unwrap();
        let OnnxError::Model { fault, .. } = &error else {
            panic!("{error}")
        };
        assert!(matches!(**fault, ModelFault::Metadata { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    refused(fixture(encoder), fixture(decoder), None, "\"nothing\"");
    refused(
        file(encoder, "sam"),
        file(decoder, "medsam"),
        None,
        "expected sam",
    );
    refused(
        file(encoder, "sam"),
        file(decoder, "sam"),
        Some(SamPreprocessing::MedSam),
        "expected medsam",
    );
    refused(file(encoder, "sam3"), fixture(decoder), None, "\"sam3\"");
}

#[test]
fn weights_beside_the_model_are_read_and_recorded() {
    let whole = tiny(SamPreprocessing::Sam)
        .refine(&picture(), &[BOX])
        .unwrap();
    let sam = Some(SamPreprocessing::Sam);
    let mut split = open(fixture("external.onnx"), fixture("decoder.onnx"), sam).unwrap();
    assert_eq!(split.refine(&picture(), &[BOX]).unwrap(), whole);
    let names: Vec<String> = split.models().into_iter().map(|m| m.file_name).collect();
    assert_eq!(names, ["external.onnx", "external.data", "decoder.onnx"]);

    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("external.onnx");
    fs::copy(fixture("external.onnx"), &alone).unwrap();
    let check = |words: &str| {
        let error = open(alone.as_path(), fixture("decoder.onnx"), sam)
            .err()
            .unwrap();
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().ends_with("external.onnx"), "{error}");
    };
    check("keeps weights in \"external.data\", which cannot be read");
    fs::write(folder.path().join("external.data"), b"short").unwrap();
    check("is no ONNX model that can be loaded");
    // A model must not read files elsewhere.
    let mut bytes = fs::read(&alone).unwrap();
    let name = b"external.data";
    for at in 0..bytes.len() - name.len() {
        if bytes[at..].starts_with(name) {
            bytes[at..at + name.len()].copy_from_slice(b"../ernal.data");
        }
    }
    fs::write(&alone, bytes).unwrap();
    check("lies outside of the model's folder");
}

#[test]
fn faulty_graphs_are_refused_by_name() {
    type Expected = fn(&ModelFault) -> bool;
    let check = |encoder: ModelFile, decoder: ModelFile, expected: Expected, words: &[&str]| {
        let outcome = open(encoder, decoder, Some(SamPreprocessing::Sam))
            .map_err(LocalizeError::from)
            .and_then(|mut refiner| refiner.refine(&picture(), &[BOX]));
        let Err(LocalizeError::Onnx(OnnxError::Model { name, fault, path })) = outcome else {
            panic!("{words:?}: not refused")
        };
        assert!(expected(&fault), "{fault:?}");
        let message = OnnxError::Model { name, fault, path }.to_string();
        for word in words {
            assert!(message.contains(word), "{message}");
        }
    };
    let file = |name: &str| ModelFile::from(fixture(name));
    let decoder = || file("decoder.onnx");
    check(
        file("absent.onnx"),
        decoder(),
        |f| matches!(f, ModelFault::Read(_)),
        &["SAM encoder", "absent.onnx"],
    );
    check(
        file("opset.onnx"),
        decoder(),
        |f| matches!(f, ModelFault::Load(_)),
        &["SAM encoder", "999"],
    );
    check(
        decoder(),
        decoder(),
        |f| matches!(f, ModelFault::MissingInput { .. }),
        &["SAM encoder", "input_image"],
    );
    check(
        file("encoder.onnx"),
        file("encoder.onnx"),
        |f| matches!(f, ModelFault::MissingInput { .. }),
        &["SAM decoder", "image_embeddings"],
    );
    check(
        file("half.onnx"),
        decoder(),
        |f| matches!(f, ModelFault::PortType { .. }),
        &["f16", "rank 4"],
    );
    check(
        file("nan.onnx"),
        decoder(),
        |f| matches!(f, ModelFault::Output { .. }),
        &["SAM encoder", "NaN", "finite"],
    );
    check(
        file("batch.onnx"),
        decoder(),
        |f| matches!(f, ModelFault::Output { .. }),
        &["[2, 3, 1024, 1024]", "[1, channels, rows, columns]"],
    );
    check(
        ModelFile::pinned(fixture("encoder.onnx"), "0".repeat(64)),
        decoder(),
        |f| matches!(f, ModelFault::Hash { .. }),
        &["sha256", "SAM encoder"],
    );
    // The right hash is as good as none, in either case of letters.
    let sha256 = tiny(SamPreprocessing::Sam).models()[0].sha256.clone();
    let pinned = ModelFile::pinned(fixture("encoder.onnx"), sha256.to_uppercase());
    assert!(open(pinned, decoder(), Some(SamPreprocessing::Sam)).is_ok());
}
