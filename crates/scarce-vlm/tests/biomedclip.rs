//! BiomedCLIP's towers and saliencies against timm, transformers and PyTorch, on a tiny random model
//! (`fixtures/biomedclip/make_model.py`).
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2, Array3};
use scarce_vlm::biomedclip::{
    BiomedClip, BiomedClipOptions, DenseOptions, DenseScale, Framing, M2ib, M2ibOptions,
    OcclusionOptions, SaliencyOptions, TextTower, VisionTower,
};
use scarce_vlm::onnx::SessionOptions;
use scarce_vlm::picture::{Filter, Normalization, Picture};
use scarce_vlm::slices::PictureLocalizer as _;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/biomedclip")
}

fn golden() -> Value {
    serde_json::from_str(include_str!("fixtures/biomedclip/golden.json")).unwrap()
}

fn session() -> SessionOptions {
    SessionOptions::default().with_intra_threads(1)
}

fn numbers(value: &Value) -> Vec<f32> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap() as f32],
    }
}

fn assert_close<'a>(
    found: impl IntoIterator<Item = &'a f32>,
    expected: &Value,
    tolerance: f32,
    what: &str,
) {
    let found: Vec<f32> = found.into_iter().copied().collect();
    let expected = numbers(expected);
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (f, e)) in found.iter().zip(&expected).enumerate() {
        let tolerance = tolerance * e.abs().max(1.0);
        assert!(
            (f - e).abs() <= tolerance,
            "{what} at {at}: {f}, expected {e}"
        );
    }
}

/// A map, of which the golden has each fourth row and column.
fn assert_map(map: &Array2<f32>, expected: &Value, tolerance: f32, what: &str) {
    assert_eq!(
        numbers(&expected["shape"]),
        [map.nrows() as f32, map.ncols() as f32]
    );
    let thinned = Array2::from_shape_fn(
        (map.nrows().div_ceil(4), map.ncols().div_ceil(4)),
        |(y, x)| map[[4 * y, 4 * x]],
    );
    assert_close(&thinned, &expected["every_4th"], tolerance, what);
}

fn picture(height: usize, width: usize) -> Picture {
    let rgb = Array3::from_shape_fn((height, width, 3), |(y, x, c)| {
        ((y * 7 + x * 13 + c * 50 + y * x % 31 * 5) % 256) as u8
    });
    Picture::new(rgb).unwrap()
}

fn text_tower() -> TextTower {
    TextTower::load(
        &folder().join("text.onnx"),
        &folder().join("tokenizer.json"),
        &session(),
    )
    .unwrap()
}

fn prompt(golden: &Value, which: usize) -> &str {
    golden["prompts"][which].as_str().unwrap()
}

fn clip(framing: Framing, saliency: SaliencyOptions) -> BiomedClip {
    BiomedClip::load(
        &folder(),
        BiomedClipOptions { framing, saliency },
        &session(),
    )
    .unwrap()
}

fn m2ib(beta: f32) -> M2ibOptions {
    M2ibOptions {
        beta,
        layer: 1,
        ..M2ibOptions::default()
    }
}

#[test]
fn features_equal_the_libraries() {
    let golden = golden();
    let mut text = text_tower();
    for which in 0..3 {
        let features = text.features(prompt(&golden, which)).unwrap();
        assert_close(
            &features,
            &golden["text_features"][which],
            1e-4,
            prompt(&golden, which),
        );
    }
    let mut vision = VisionTower::load(&folder().join("vision.onnx"), &session()).unwrap();
    assert_eq!(vision.side(), 48);
    let pixels = Normalization::CLIP.apply(&picture(48, 48));
    let alone = vision.features(pixels.clone()).unwrap();
    assert_close(&alone, &golden["image_features"], 1e-4, "picture");
    let twice = ndarray::concatenate(ndarray::Axis(0), &[pixels.view(), pixels.view()]).unwrap();
    for row in vision.features(twice).unwrap().outer_iter() {
        assert_close(row, &golden["image_features"], 1e-4, "one of a batch");
    }
}

/// The noise of `make_model.py`.
fn noise(step: usize, values: &mut [f32]) {
    for (i, value) in (1_u32..).zip(values) {
        *value = (1.3 * (12.9898 * f64::from(i) + 78.233 * step as f64).sin()) as f32;
    }
}

/// PyTorch's autograd and Adam on the same weights and noise.
#[test]
fn the_bottleneck_equals_pytorch() {
    let golden = golden();
    let mut text = text_tower();
    for case in golden["m2ib"].as_array().unwrap() {
        let which = case["prompt"].as_u64().unwrap() as usize;
        let beta = case["beta"].as_f64().unwrap() as f32;
        let mut m2ib = M2ib::load(&folder(), m2ib(beta), &session()).unwrap();
        let hidden = m2ib
            .hidden(Normalization::CLIP.apply(&picture(48, 48)))
            .unwrap();
        let features = text.features(prompt(&golden, which)).unwrap();
        let found = m2ib.information(&hidden, &features, &mut noise).unwrap();
        assert_close(
            &found.nats,
            &case["information"],
            1e-3,
            prompt(&golden, which),
        );
        assert_close([&found.cosine], &case["cosine"], 1e-4, "cosine");
        let map = scaled(&found.nats);
        assert_map(&map, &case["map"], 1e-3, prompt(&golden, which));
    }
}

/// Where there is nothing to let through, the information is that of the noise alone.
///
/// ```python
/// lam = 1 / (1 + np.exp(-5)); var = (1 - lam) ** 2
/// -0.5 * (1 + np.log(var) - var)  # 4.506737
/// ```
#[test]
fn the_first_information_of_nothing_is_known() {
    let options = M2ibOptions {
        steps: 1,
        ..m2ib(0.1)
    };
    let mut m2ib = M2ib::load(&folder(), options, &session()).unwrap();
    let features = text_tower().features("brain tumor").unwrap();
    let nothing = Array3::zeros((1, 37, 16));
    let found = m2ib.information(&nothing, &features, &mut noise).unwrap();
    for nats in &found.nats {
        assert!((nats - 16.0 * 4.506737).abs() < 1e-3, "{nats}");
    }
}

/// As the saliencies scale what they find over a square picture.
fn scaled(raw: &Array2<f32>) -> Array2<f32> {
    let whole = scarce_vlm::picture::Frame::squash([48, 48], [48, 48]).to_picture(raw.view(), 0.0);
    let least = whole.iter().copied().fold(f32::INFINITY, f32::min);
    let greatest = whole.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    whole.mapv(|v| (v - least) / (greatest - least))
}

#[test]
fn a_map_of_the_centre_crop_comes_back_through_the_crop() {
    let golden = golden();
    let wide = picture(40, 60);
    let frame = Framing::CentreCrop.frame([40, 60], 48);
    let view = frame.view(&wide, Filter::Bicubic).unwrap();
    let mut m2ib = M2ib::load(&folder(), m2ib(0.1), &session()).unwrap();
    let hidden = m2ib.hidden(Normalization::CLIP.apply(&view)).unwrap();
    let features = text_tower().features(prompt(&golden, 0)).unwrap();
    let found = m2ib.information(&hidden, &features, &mut noise).unwrap();
    let back = frame.to_picture(scaled(&found.nats).view(), 0.0);
    assert_map(&back, &golden["crop_map"], 1e-3, "crop");
}

#[test]
fn dense_and_occlusion_equal_pytorch() {
    let golden = golden();
    let square = picture(48, 48);
    let dense = SaliencyOptions::Dense(DenseOptions::default());
    let found = clip(Framing::Whole, dense)
        .heat(&square, prompt(&golden, 0))
        .unwrap();
    assert_map(&found.map, &golden["dense_map"], 1e-4, "dense");
    assert_close([&found.score], &golden["cosines"][0], 1e-4, "score");
    let case = &golden["occlusion"];
    // Batches of any size, one that does not divide the number of covers among them.
    for batch in [1, 3, 16] {
        let occlusion = SaliencyOptions::Occlusion(OcclusionOptions {
            window: case["window"].as_u64().unwrap() as usize,
            stride: case["stride"].as_u64().unwrap() as usize,
            batch,
        });
        let found = clip(Framing::CentreCrop, occlusion)
            .heat(&square, prompt(&golden, 1))
            .unwrap();
        assert_map(&found.map, &case["map"], 1e-4, "occlusion");
        assert_close([&found.score], &golden["cosines"][1], 1e-4, "score");
    }
}

/// ```python
/// torch.softmax(torch.stack([dense[0], dense[1], dense[2]]) * 10, dim=0)[0]
/// ```
#[test]
fn a_softmax_is_over_the_prompts() {
    let golden = golden();
    let softmax = DenseScale::Softmax {
        against: vec![prompt(&golden, 1).to_owned(), prompt(&golden, 2).to_owned()],
        temperature: 10.0,
    };
    let options = SaliencyOptions::Dense(DenseOptions { scale: softmax });
    let found = clip(Framing::Whole, options)
        .heat(&picture(48, 48), prompt(&golden, 0))
        .unwrap();
    let cosines: Vec<Array1<f32>> = (0..3)
        .map(|which| numbers(&golden["dense"][which]).into())
        .collect();
    let shares = Array2::from_shape_fn((6, 6), |(y, x)| {
        let exp = |which: usize| (cosines[which][6 * y + x] * 10.0).exp();
        exp(0) / (exp(0) + exp(1) + exp(2))
    });
    let expected =
        scarce_vlm::picture::Frame::squash([48, 48], [48, 48]).to_picture(shares.view(), 0.0);
    for (f, e) in found.map.iter().zip(&expected) {
        assert!((f - e).abs() < 1e-4, "{f} {e}");
    }
}

#[test]
fn the_same_picture_and_prompt_give_the_same_bytes() {
    let mut first = clip(Framing::Whole, SaliencyOptions::M2ib(m2ib(0.1)));
    let mut second = clip(Framing::Whole, SaliencyOptions::M2ib(m2ib(0.1)));
    let [a, b] = [picture(40, 60), picture(64, 20)];
    let expected = first.heat(&a, "brain tumor").unwrap();
    // In another order, after other prompts.
    second.heat(&b, "brain tumor").unwrap();
    second.heat(&a, "both lungs").unwrap();
    assert_eq!(second.heat(&a, "brain tumor").unwrap(), expected);
    let other_seed = M2ibOptions {
        seed: 1,
        ..m2ib(0.1)
    };
    let mut third = clip(Framing::Whole, SaliencyOptions::M2ib(other_seed));
    assert_ne!(third.heat(&a, "brain tumor").unwrap(), expected);
}

#[test]
fn the_whole_of_any_picture_is_seen() {
    let saliencies = [
        SaliencyOptions::M2ib(m2ib(0.1)),
        SaliencyOptions::Dense(DenseOptions::default()),
        SaliencyOptions::Occlusion(OcclusionOptions {
            window: 16,
            stride: 16,
            batch: 4,
        }),
    ];
    for saliency in saliencies {
        let mut clip = clip(Framing::Whole, saliency);
        for [height, width] in [[1, 1], [3, 90], [90, 3], [48, 48], [100, 60]] {
            let found = clip.heat(&picture(height, width), "brain tumor").unwrap();
            assert_eq!(found.map.dim(), (height, width));
            assert!(found.map.iter().all(|v| (0.0..=1.0).contains(v)));
            assert!((-1.0..=1.0).contains(&found.score));
            if height.min(width) >= 48 {
                let greatest = found.map.iter().copied().fold(0.0, f32::max);
                assert!(
                    greatest > 0.9,
                    "{} {height} {width} {greatest}",
                    clip.name()
                );
            }
        }
    }
}
