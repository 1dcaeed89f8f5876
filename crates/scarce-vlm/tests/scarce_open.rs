//! The committed model on a phantom, against what Python makes of it (`fixtures/scarce-open/make_goldens.py`; the text
//! encoder's files come from `cargo xtask setup`).

#![allow(
    clippy::unwrap_used,
    reason = "what stands between the tests is test code too"
)]

use std::path::Path;

use ndarray::Array3;
use scarce_image::glam::DVec3;
use scarce_image::{Geometry, Volume};
use scarce_vlm::onnx::SessionOptions;
use scarce_vlm::scarce_open::{OpenLocalizer, OpenNetwork, OpenOptions, SPACING_MM};
use scarce_vlm::text::TextEncoder;
use scarce_vlm::{LocalizeError, Localizer as _};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    prompt: String,
    presence: f32,
    score: f32,
    heat: Vec<f32>,
}

fn goldens() -> Vec<Golden> {
    serde_json::from_str(include_str!("fixtures/scarce-open/golden.json")).unwrap()
}

fn encoder() -> TextEncoder {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/models/minilm");
    TextEncoder::load(&folder.join("model.onnx"), &folder.join("tokenizer.json")).unwrap()
}

/// The chest of `make_goldens.py`.
fn phantom() -> Volume<f32> {
    let organs = [
        ([28.0, 32.0, 40.0], [1000.0, 24.0, 36.0], 40.0),
        ([30.0, 32.0, 58.0], [24.0, 18.0, 13.0], -800.0),
        ([30.0, 32.0, 22.0], [24.0, 18.0, 13.0], -800.0),
        ([24.0, 38.0, 36.0], [11.0, 9.0, 11.0], 150.0),
        ([28.0, 14.0, 40.0], [1000.0, 5.0, 5.0], 400.0),
        ([28.0, 21.0, 36.0], [1000.0, 3.0, 3.0], 180.0_f32),
    ];
    let voxels = Array3::from_shape_fn((56, 64, 80), |(z, y, x)| {
        let at = [z as f64, y as f64, x as f64];
        let inside = |centre: &[f64; 3], radii: &[f64; 3]| {
            let square = |axis: usize| ((at[axis] - centre[axis]) / radii[axis]).powi(2);
            square(0) + square(1) + square(2) <= 1.0
        };
        let mut painted = organs
            .iter()
            .filter(|(centre, radii, _)| inside(centre, radii));
        painted.next_back().map_or(-1000.0, |(_, _, hu)| *hu)
    });
    let origin = DVec3::new(-160.0, 30.0, 200.0);
    Volume::new(
        voxels,
        Geometry::axis_aligned([SPACING_MM; 3], origin).unwrap(),
    )
}

fn localizer(options: OpenOptions) -> OpenLocalizer<TextEncoder> {
    OpenLocalizer::new(encoder(), options).unwrap()
}

#[test]
fn answers_as_onnxruntime_in_python_does() {
    let goldens = goldens();
    // Whatever it scores, every prompt is to be looked at.
    let mut options = OpenOptions::default();
    options.score_threshold = 0.0;
    options.smallest_part = 0.0;
    options.mask_threshold = 0.0;
    let prompts: Vec<&str> = goldens.iter().map(|g| g.prompt.as_str()).collect();
    let answers = localizer(options)
        .localize_all(&phantom(), &prompts)
        .unwrap();
    for (golden, answer) in goldens.iter().zip(answers) {
        let region = answer.unwrap();
        let presence = region.provenance().settings["presence"].as_f64().unwrap() as f32;
        let what = &golden.prompt;
        assert!(
            (presence - golden.presence).abs() < 1e-4,
            "{what}: presence {presence}"
        );
        let heat = region.heat().voxels();
        let axis = |start: usize, step: usize, length: usize| (start..length).step_by(step);
        let mut expected = golden.heat.iter();
        for z in axis(4, 12, 56) {
            for y in axis(5, 13, 64) {
                for x in axis(6, 17, 80) {
                    let (got, expected) = (heat[[z, y, x]], *expected.next().unwrap());
                    assert!(
                        (got - expected).abs() < 1e-4,
                        "{what}: {got}, expected {expected}"
                    );
                }
            }
        }
        assert!(expected.next().is_none());
    }
}

#[test]
fn scores_what_it_finds_and_refuses_what_it_does_not() {
    let mut localizer = localizer(OpenOptions::default());
    let phantom = phantom();
    for golden in goldens() {
        let threshold = OpenOptions::default().score_threshold;
        match localizer.localize(&phantom, &golden.prompt) {
            Ok(region) => {
                assert!(golden.score >= threshold, "{}", golden.prompt);
                assert!(
                    (region.score() - golden.score).abs() < 1e-4,
                    "{}",
                    golden.prompt
                );
                assert!(region.voxel_count() > 0);
            }
            Err(LocalizeError::NotSeen { score, .. }) => {
                assert!(golden.score < threshold, "{}", golden.prompt);
                assert!((score - golden.score).abs() < 1e-4, "{}", golden.prompt);
            }
            Err(error) => panic!("{}: {error}", golden.prompt),
        }
    }
}

#[test]
fn nonsense_and_no_prompt_are_errors() {
    let mut localizer = localizer(OpenOptions::default());
    let phantom = phantom();
    for prompt in [
        "a green truck",
        "tomato soup",
        "zxcvbnm",
        "motorcycle",
        "a parrot",
    ] {
        let answer = localizer.localize(&phantom, prompt);
        assert!(
            matches!(answer, Err(LocalizeError::NotSeen { .. })),
            "{prompt}"
        );
    }
    assert!(matches!(
        localizer.localize(&phantom, " "),
        Err(LocalizeError::EmptyPrompt { .. })
    ));
    assert!(matches!(
        localizer.localize(&phantom, "anything but the heart"),
        Err(LocalizeError::NegatedPrompt { .. })
    ));
}

#[test]
fn a_region_lies_on_its_image_and_company_changes_last_digits_alone() {
    let phantom = phantom();
    let mut localizer = localizer(OpenOptions::default());
    let alone = localizer.localize(&phantom, "both lungs").unwrap();
    assert!(alone.mask().grid().matches(&phantom.grid()));
    assert_eq!(alone, localizer.localize(&phantom, "both lungs").unwrap());
    assert_eq!(alone.provenance().models.len(), 3);
    let mut answers = localizer
        .localize_all(&phantom, &["a parrot", "both lungs"])
        .unwrap();
    let in_company = answers.pop().unwrap().unwrap();
    assert_eq!(in_company.mask(), alone.mask());
    let heat = in_company.heat().voxels().iter();
    let pairs = heat.zip(alone.heat().voxels());
    assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn refuses_models_of_another_interface() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sentence.onnx");
    let error = OpenNetwork::load(&file, &SessionOptions::default())
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("has no input \"image\""), "{error}");
}
