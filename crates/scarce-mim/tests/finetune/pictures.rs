//! Images of three classes: stripes along y, along x, or none, each with noise; and discs with their outlines.

use ndarray::{Array2, Array3};
use rand::Rng as _;
use scarce_mim::Intensities;
use scarce_mim::encoder::EncoderConfig;
use scarce_mim::finetune::classify::{ClassifyConfig, Mode};
use scarce_mim::finetune::look::{Augmentation, Fit, Frame};
use scarce_mim::finetune::segment::SegmentConfig;
use scarce_mim::finetune::{LabelledImage, OutlinedImage};
use scarce_train::image::{Seed, StreamKey};
use scarce_train::loader::LoaderConfig;

pub const CLASSES: usize = 3;
const INPUT: [usize; 2] = [16, 16];

fn stream(k: usize) -> impl rand::Rng {
    Seed(77).stream(StreamKey {
        epoch: k as u64,
        sample_id: "",
        purpose: "picture",
    })
}

pub fn striped(n: usize, from: usize) -> Vec<LabelledImage> {
    (from..from + n)
        .map(|k| {
            let (class, mut rng) = (k % CLASSES, stream(k));
            let phase = rng.random::<f32>() * 6.0;
            let image = Array3::from_shape_fn((1, 20, 24), |(_, y, x)| {
                let along = [y as f32, x as f32, 0.0][class];
                0.5 + 0.3 * (along * 0.9 + phase).sin() + 0.1 * rng.random::<f32>()
            });
            let frame = Frame::new([20, 24], INPUT, Fit::Squash).unwrap();
            LabelledImage {
                id: format!("image-{k}"),
                pixels: frame.canvas(image.view()),
                class,
            }
        })
        .collect()
}

pub fn discs(n: usize, from: usize) -> Vec<OutlinedImage> {
    (from..from + n)
        .map(|k| {
            let mut rng = stream(k);
            let [cy, cx] = [0, 1].map(|_| 6.0 + 8.0 * rng.random::<f32>());
            let labels = Array2::from_shape_fn((20, 20), |(y, x)| {
                u8::from((y as f32 - cy).hypot(x as f32 - cx) < 4.5)
            });
            let image = Array3::from_shape_fn((1, 20, 20), |(_, y, x)| {
                0.2 + 0.4 * f32::from(labels[[y, x]]) + 0.2 * rng.random::<f32>()
            });
            let frame = Frame::new([20, 20], INPUT, Fit::Squash).unwrap();
            OutlinedImage {
                id: format!("disc-{k}"),
                pixels: frame.canvas(image.view()),
                labels: frame.canvas_of_labels(labels.view()),
            }
        })
        .collect()
}

fn encoder() -> EncoderConfig {
    EncoderConfig {
        widths: Some([8, 8, 16, 16]),
        ..EncoderConfig::default()
    }
}

pub fn classify(mode: Mode) -> ClassifyConfig {
    ClassifyConfig {
        encoder: encoder(),
        mode,
        input_yx: INPUT,
        batch: 12,
        // A turned or mirrored stripe is one, but not of another direction.
        augmentation: Augmentation {
            crop_area: [0.8, 1.0],
            contrast: 0.0,
            brightness: 0.0,
            ..Augmentation::default()
        },
        loader: LoaderConfig {
            workers: 1,
            ..LoaderConfig::default()
        },
        ..ClassifyConfig::default()
    }
}

pub fn segment() -> SegmentConfig {
    SegmentConfig {
        encoder: encoder(),
        head_width: 8,
        input_yx: INPUT,
        batch: 8,
        ..SegmentConfig::default()
    }
}

pub fn intensities() -> Intensities {
    Intensities {
        mean: vec![0.5],
        std: vec![0.25],
    }
}
