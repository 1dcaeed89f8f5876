//! What BiomedCLIP's back-end refuses, and that it says why; graphs of `fixtures/biomedclip/make_faulty.py`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use ndarray::{Array2, Array3};
use ort::value::Tensor;
use scarce_vlm::biomedclip::{
    BiomedClip, BiomedClipOptions, DenseOptions, DenseScale, M2ibOptions, OcclusionOptions,
    SaliencyOptions, TextTower,
};
use scarce_vlm::onnx::{Model, Provider, SessionOptions};
use scarce_vlm::picture::Picture;
use scarce_vlm::slices::PictureLocalizer as _;
use scarce_vlm::text::{MAX_TEXT_CHARS, TextError};
use scarce_vlm::{LocalizeError, ModelRecord};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/biomedclip")
}

fn picture() -> Picture {
    let rgb = Array3::from_shape_fn((30, 40, 3), |(y, x, c)| {
        ((y * 5 + x * 3 + c * 70) % 256) as u8
    });
    Picture::new(rgb).unwrap()
}

fn dense() -> SaliencyOptions {
    SaliencyOptions::Dense(DenseOptions::default())
}

fn occlusion() -> SaliencyOptions {
    SaliencyOptions::Occlusion(OcclusionOptions {
        window: 24,
        stride: 12,
        batch: 3,
    })
}

fn m2ib() -> SaliencyOptions {
    SaliencyOptions::M2ib(M2ibOptions {
        layer: 1,
        ..M2ibOptions::default()
    })
}

/// A folder of the good graphs, with some replaced: by a file of the fixtures, or by none.
fn folder(replaced: &[(&str, Option<&str>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("layer-1")).unwrap();
    for file in [
        "text.onnx",
        "vision.onnx",
        "tokenizer.json",
        "layer-1/vision_prefix.onnx",
        "layer-1/m2ib_step.onnx",
    ] {
        let source = match replaced.iter().find(|(name, _)| *name == file) {
            Some((_, None)) => continue,
            Some((_, Some(other))) => other,
            None => file,
        };
        fs::copy(fixtures().join(source), folder.path().join(file)).unwrap();
    }
    folder
}

fn load(folder: &Path, saliency: SaliencyOptions) -> Result<BiomedClip, LocalizeError> {
    let options = BiomedClipOptions {
        saliency,
        ..BiomedClipOptions::default()
    };
    BiomedClip::load(
        folder,
        options,
        &SessionOptions::default().with_intra_threads(1),
    )
}

/// What loading or looking answers, in words.
fn answer(replaced: &[(&str, Option<&str>)], saliency: SaliencyOptions) -> String {
    let folder = folder(replaced);
    let found =
        load(folder.path(), saliency).and_then(|mut clip| clip.heat(&picture(), "brain tumor"));
    match found {
        Ok(_) => "heat".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn refuses_files_by_name() {
    let check = |replaced: (&str, Option<&str>), saliency: SaliencyOptions, words: &[&str]| {
        let answer = answer(&[replaced], saliency);
        for word in words {
            assert!(answer.contains(word), "{replaced:?}: {answer}");
        }
        assert!(
            answer.ends_with(replaced.0),
            "the path comes last: {answer}"
        );
    };
    let prefix = "layer-1/vision_prefix.onnx";
    let step = "layer-1/m2ib_step.onnx";
    check(
        ("text.onnx", None),
        dense(),
        &["text tower", "cannot be read"],
    );
    check(("tokenizer.json", None), dense(), &["tokenizer"]);
    check(
        ("vision.onnx", None),
        occlusion(),
        &["vision tower", "cannot be read"],
    );
    check((prefix, None), m2ib(), &["vision prefix", "cannot be read"]);
    check((step, None), m2ib(), &["M2IB step", "cannot be read"]);
    check(
        ("text.onnx", Some("tokenizer.json")),
        dense(),
        &["no ONNX model"],
    );
    check(
        ("text.onnx", Some("vision.onnx")),
        dense(),
        &["no input \"input_ids\"", "pixel_values"],
    );
    check(
        ("vision.onnx", Some("faulty/other_input.onnx")),
        occlusion(),
        &["\"pixel_values\"", "[\"pictures\"]"],
    );
    check(
        ("vision.onnx", Some("faulty/other_output.onnx")),
        occlusion(),
        &["image_features", "[\"pooled\"]"],
    );
    check(
        ("vision.onnx", Some("faulty/bytes.onnx")),
        occlusion(),
        &["f32 tensor of rank 4", "u8"],
    );
    check(
        ("vision.onnx", Some("faulty/oblong.onnx")),
        occlusion(),
        &["[pictures, 3, side, side]", "32"],
    );
    check(
        ("vision.onnx", Some("faulty/nan.onnx")),
        occlusion(),
        &["image_features", "NaN", "finite"],
    );
    check(
        ("vision.onnx", Some("faulty/narrow.onnx")),
        occlusion(),
        &["the text tower's width, 12", "5"],
    );
    check(
        ("vision.onnx", Some("faulty/one_at_once.onnx")),
        dense(),
        &["patch_features", "[\"embedding\"]"],
    );
    check(
        (prefix, Some("vision.onnx")),
        m2ib(),
        &["hidden", "patch_features"],
    );
    check(
        (step, Some("layer-1/vision_prefix.onnx")),
        m2ib(),
        &["no input \"alpha\""],
    );
}

#[test]
fn towers_must_be_of_one_width() {
    let narrow = [("text.onnx", Some("faulty/narrow_text.onnx"))];
    for saliency in [dense(), occlusion(), m2ib()] {
        let answer = answer(&narrow, saliency);
        assert!(
            answer.contains("width") && answer.contains("12") && answer.contains('5'),
            "{answer}"
        );
    }
}

#[test]
fn a_file_that_is_not_needed_may_be_missing() {
    assert_eq!(answer(&[("vision.onnx", None)], m2ib()), "heat");
    let layer = [
        ("layer-1/vision_prefix.onnx", None),
        ("layer-1/m2ib_step.onnx", None),
    ];
    for saliency in [dense(), occlusion()] {
        assert_eq!(answer(&layer, saliency), "heat");
    }
}

/// Other names, a batch of one, a fixed length with a mask: graphs of other exporters.
#[test]
fn takes_other_exporters_graphs() {
    let others = [
        ("vision.onnx", Some("faulty/one_at_once.onnx")),
        ("text.onnx", Some("faulty/fixed_text.onnx")),
    ];
    assert_eq!(answer(&others, occlusion()), "heat");
    let folder = folder(&others);
    let mut text = TextTower::load(
        &folder.path().join("text.onnx"),
        &folder.path().join("tokenizer.json"),
        &SessionOptions::default(),
    )
    .unwrap();
    // [CLS] 2, brain 10, tumor 11, [SEP] 3, and nothing of the padding.
    let expected: Vec<f32> = (0..12).map(|j| 26.0 + 4.0 * j as f32 / 16.0).collect();
    assert_eq!(text.features("brain tumor").unwrap().to_vec(), expected);
}

#[test]
fn padding_changes_nothing() {
    let mut model = Model::load(
        "text tower",
        &fixtures().join("text.onnx"),
        &SessionOptions::default(),
    )
    .unwrap();
    let mut features = |tokens: usize| -> Vec<f32> {
        let ids = Array2::from_shape_fn((1, tokens), |(_, at)| {
            [2_i64, 10, 11, 3].get(at).copied().unwrap_or(0)
        });
        let outputs = model
            .run(vec![("input_ids", Tensor::from_array(ids).unwrap().into())])
            .unwrap();
        let found = outputs["text_features"].try_extract_array::<f32>().unwrap();
        found.iter().copied().collect()
    };
    let bare = features(4);
    for tokens in [5, 17, 64] {
        for (padded, bare) in features(tokens).iter().zip(&bare) {
            assert!((padded - bare).abs() < 1e-5, "{tokens}: {padded} {bare}");
        }
    }
}

#[test]
fn prompts_are_honoured_or_refused() {
    let tokenizer = fixtures().join("tokenizer.json");
    let options = SessionOptions::default();
    let mut text = TextTower::load(&fixtures().join("text.onnx"), &tokenizer, &options).unwrap();
    for empty in ["", "  ", "\n\t"] {
        let error = text.features(empty).unwrap_err();
        assert!(
            matches!(error, LocalizeError::EmptyPrompt { .. }),
            "{error}"
        );
    }
    let error = text.features(&"a".repeat(10_000)).unwrap_err().to_string();
    assert!(
        error.contains("10000") && error.contains(&MAX_TEXT_CHARS.to_string()),
        "{error}"
    );
    for unknown in ["Œsophagus", "🫁", "zzz qqq"] {
        let error = text.features(unknown).unwrap_err();
        assert!(
            matches!(&error, LocalizeError::Text(TextError::UnknownWords { .. })),
            "{error}"
        );
        assert!(error.to_string().contains(unknown), "{error}");
    }
    // Accents and case are the tokenizer's to take off; Chinese characters are words.
    assert_eq!(
        text.features("BRAIN tumör").unwrap(),
        text.features("brain tumor").unwrap()
    );
    assert!(text.features("肺").is_ok());
    assert!(text.features("the 🫁 lung").is_ok());
    // 62 words and two special tokens fill the limit of this tokenizer; more change nothing.
    let words = |n: usize| "lung ".repeat(n);
    let full = text.features(&words(62)).unwrap();
    assert_eq!(text.features(&words(800)).unwrap(), full);
    assert_ne!(text.features(&words(61)).unwrap(), full);
}

#[test]
fn options_are_checked() {
    let check = |saliency: SaliencyOptions, option: &str| {
        let error = load(&fixtures(), saliency).err().unwrap();
        assert!(
            matches!(&error, LocalizeError::Option { option: found, .. } if *found == option),
            "{error}"
        );
    };
    let m2ib = |beta, steps| {
        SaliencyOptions::M2ib(M2ibOptions {
            beta,
            steps,
            layer: 1,
            ..M2ibOptions::default()
        })
    };
    check(m2ib(-0.1, 10), "beta");
    check(m2ib(f32::NAN, 10), "beta");
    check(m2ib(0.1, 0), "steps");
    let occlusion = |window, stride, batch| {
        SaliencyOptions::Occlusion(OcclusionOptions {
            window,
            stride,
            batch,
        })
    };
    check(occlusion(0, 1, 1), "window");
    check(occlusion(49, 1, 1), "window");
    check(occlusion(8, 0, 1), "stride");
    check(occlusion(8, 9, 1), "stride");
    check(occlusion(8, 8, 0), "batch");
    let softmax = |against: &[&str], temperature| {
        let against = against.iter().map(|text| (*text).to_owned()).collect();
        let scale = DenseScale::Softmax {
            against,
            temperature,
        };
        SaliencyOptions::Dense(DenseOptions { scale })
    };
    check(softmax(&[], 85.2), "against");
    check(softmax(&["lung"], 0.0), "temperature");
    check(softmax(&["lung"], f32::INFINITY), "temperature");
    // A layer that was not exported is a file that is missing.
    let error = load(&fixtures(), SaliencyOptions::default())
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("layer-7"), "{error}");
}

#[test]
fn two_sessions_run_in_two_threads() {
    let expected = load(&fixtures(), m2ib())
        .unwrap()
        .heat(&picture(), "brain tumor")
        .unwrap();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            thread::spawn(|| {
                let mut clip = load(&fixtures(), m2ib()).unwrap();
                clip.heat(&picture(), "brain tumor").unwrap()
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), expected);
    }
}

/// ONNX Runtime of the CPU has no GPU to offer: the processor stands in, and the record says so.
#[test]
fn the_provider_that_runs_is_recorded() {
    for wanted in [
        vec![],
        vec![Provider::Cpu],
        vec![Provider::Directml, Provider::Migraphx],
    ] {
        let options = SessionOptions::default().with_providers(wanted);
        let model = Model::load("vision tower", &fixtures().join("vision.onnx"), &options).unwrap();
        assert_eq!(model.record().provider, Some(Provider::Cpu));
    }
    let clip = load(&fixtures(), m2ib()).unwrap();
    let providers: Vec<(String, Option<Provider>)> = clip
        .models()
        .into_iter()
        .map(|ModelRecord { name, provider, .. }| (name, provider))
        .collect();
    let cpu = Some(Provider::Cpu);
    let expected = [
        ("text tower", cpu),
        ("tokenizer", None),
        ("vision prefix", cpu),
        ("M2IB step", cpu),
    ];
    assert!(
        providers
            .iter()
            .map(|(name, provider)| (name.as_str(), *provider))
            .eq(expected)
    );
    assert_eq!("cuda".parse(), Ok(Provider::Cuda));
    assert!("gpu".parse::<Provider>().unwrap_err().contains("cuda"));
    for provider in Provider::ALL {
        assert_eq!(provider.name().parse(), Ok(provider));
    }
}
