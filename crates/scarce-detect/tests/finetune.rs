//! A detector's training, on squares and discs drawn here.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use ndarray::{Array2, Array3};
use scarce_detect::finetune::{DetectTask, FinetuneConfig, Instance, InstanceImage};
use scarce_mim::Intensities;
use scarce_mim::finetune::look::{Augmentation, Frame};
use scarce_train::image::Seed;
use scarce_train::{StepContext, Task as _};
use tch::Device;
use tch::nn::OptimizerConfig as _;

const INPUT: [usize; 2] = [64, 64];

/// libtorch draws from one generator a process: a network is made or trained while no other test does.
static GENERATOR: Mutex<()> = Mutex::new(());

fn take_turn() -> MutexGuard<'static, ()> {
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bright square (class 1) and a disc (class 2) somewhere on a canvas of noise; image 0 of ten has neither.
fn image(k: usize) -> InstanceImage {
    let [height, width] = Frame::canvas_yx(INPUT);
    let mut pixels = Array3::from_shape_fn((1, height, width), |(_, y, x)| {
        ((17 * y + 31 * x + 7 * k) % 23) as f32 / 115.0
    });
    let mut instances = Vec::new();
    for class in 1..=2 {
        let at = [
            12 + (37 * k + 20 * class) % 60,
            12 + (53 * k + 50 * class) % 60,
        ];
        let half = 12.0 + (k % 3) as f64 * 3.0;
        let mask = Array2::from_shape_fn((height, width), |(y, x)| {
            let [dy, dx] = [y, x].map(|n| n as f64);
            let (dy, dx) = (dy - at[0] as f64 - half, dx - at[1] as f64 - half);
            let is_inside = if class == 1 {
                dy.abs().max(dx.abs()) < half
            } else {
                dy.hypot(dx) < half
            };
            u8::from(is_inside)
        });
        if !k.is_multiple_of(10) {
            for (at, _) in mask.indexed_iter().filter(|(_, inside)| **inside != 0) {
                pixels[[0, at.0, at.1]] = if class == 1 { 0.9 } else { 0.6 };
            }
            instances.push(Instance {
                class: class as u8,
                mask,
            });
        }
    }
    InstanceImage {
        id: format!("image{k:02}"),
        pixels,
        instances,
    }
}

fn config() -> FinetuneConfig {
    let mut config = FinetuneConfig {
        input_yx: INPUT,
        batch: 4,
        augmentation: Augmentation {
            crop_area: [0.8, 1.0],
            turn_degrees: 0.0,
            ..Augmentation::default()
        },
        ..FinetuneConfig::default()
    };
    let network = &mut config.network;
    network.encoder.in_channels = 1;
    network.pyramid_channels = 32;
    network.proposals.anchor_sides = vec![8.0, 16.0, 24.0, 32.0, 48.0];
    network.proposals.after_suppression = [60, 30];
    network.regions.classes = 3;
    network.regions.box_width = 64;
    network.regions.mask_layers = 1;
    network.regions.sampled = 32;
    network.regions.detections = 10;
    config
}

fn task(config: &FinetuneConfig, training: Vec<InstanceImage>) -> DetectTask {
    let validation: Vec<_> = (40..52).map(image).collect();
    let data = (training, validation);
    let intensities = Intensities::identity(1);
    DetectTask::new(config.clone(), data, intensities, Seed(3), Device::Cpu).unwrap()
}

fn context(step: u64) -> StepContext {
    StepContext {
        step,
        total_steps: 200,
        seed: Seed(3),
        rank: 0,
        world_size: 1,
    }
}

/// Losses of some steps without an update.
fn losses(config: &FinetuneConfig, training: Vec<InstanceImage>) -> Vec<f64> {
    let mut task = task(config, training);
    let steps = (0..3).map(|step| task.loss(&context(step)).unwrap());
    steps.map(|loss| loss.total.double_value(&[])).collect()
}

#[test]
fn objects_are_learned_found_and_outlined() {
    let _turn = take_turn();
    let mut task = task(&config(), (0..30).map(image).collect());
    let mut optimizer = tch::nn::AdamW::default()
        .build(&task.detector().store, 2e-3)
        .unwrap();
    let before = task.validate(&context(0)).unwrap();
    for step in 0..150 {
        optimizer.backward_step_clip_norm(&task.loss(&context(step)).unwrap().total, 5.0);
    }
    let after = task.validate(&context(150)).unwrap();
    for ((name, before), (_, after)) in before.into_iter().zip(after) {
        assert!(before < 0.05 && after > 0.4, "{name}: {before} to {after}");
    }

    // In an image's own pixels, twice as many along x.
    let sample = image(44);
    let frame = Frame::new([64, 128], INPUT, scarce_mim::finetune::look::Fit::Squash).unwrap();
    let found = task.detector().find(&[(&sample.pixels, frame)]).unwrap();
    for (class, instance) in (1..).zip(&sample.instances) {
        let best = found[0].iter().find(|found| found.class == class).unwrap();
        let [x1, y1, x2, y2] = best.xyxy;
        let inside = instance
            .mask
            .indexed_iter()
            .filter(|(_, inside)| **inside != 0);
        let (rows, columns): (Vec<_>, Vec<_>) = inside.map(|(at, _)| at).unzip();
        let ends = |of: &[usize]| [of.iter().min(), of.iter().max()].map(|n| *n.unwrap() as f64);
        let (rows, columns) = (ends(&rows), ends(&columns));
        let truth = [
            columns[0],
            rows[0] / 2.0,
            columns[1] + 1.0,
            0.5 * (rows[1] + 1.0),
        ];
        for (got, expected) in [x1, y1, x2, y2].iter().zip(truth) {
            assert!(
                (got - expected).abs() < 8.0,
                "{:?} for {truth:?}",
                best.xyxy
            );
        }
        let mask = best.mask.as_ref().unwrap();
        assert_eq!(mask.dim(), (64, 128));
        let area = mask.iter().filter(|inside| **inside).count() as f64;
        let share = area / ((x2 - x1) * (y2 - y1));
        let expected = if class == 1 { 1.0 } else { 0.785 };
        assert!((share - expected).abs() < 0.2, "class {class}: {share}");
    }
}

#[test]
fn draws_are_the_same_on_any_number_of_workers() {
    let _turn = take_turn();
    let mut scaled = config();
    scaled.scales = vec![0.75, 1.0, 1.25];
    let images = || (0..12).map(image).collect::<Vec<_>>();
    scaled.loader.workers = 1;
    let one = losses(&scaled, images());
    scaled.loader.workers = 3;
    assert_eq!(losses(&scaled, images()), one);
    assert!(one.iter().all(|loss| loss.is_finite()), "{one:?}");
}

#[test]
fn images_without_objects_are_trained_on() {
    let _turn = take_turn();
    let empty = || (0..4).map(|k| image(10 * k)).collect::<Vec<_>>();
    assert!(empty().iter().all(|image| image.instances.is_empty()));
    let of_empty = losses(&config(), empty());
    assert!(of_empty.iter().all(|loss| loss.is_finite()), "{of_empty:?}");
    let mut boxes_alone = config();
    boxes_alone.network.regions.masks = false;
    let of_boxes = losses(&boxes_alone, (1..5).map(image).collect());
    assert!(of_boxes.iter().all(|loss| loss.is_finite()), "{of_boxes:?}");
}

#[test]
fn what_cannot_be_trained_on_is_named() {
    fn check(change: impl FnOnce(&mut FinetuneConfig, &mut Vec<InstanceImage>), part: &str) {
        let (mut config, mut images) = (config(), vec![image(1), image(2)]);
        change(&mut config, &mut images);
        let data = (images, Vec::new());
        let intensities = Intensities::identity(1);
        let made = DetectTask::new(config, data, intensities, Seed(0), Device::Cpu);
        let error = made.unwrap_err().to_string();
        assert!(error.contains(part), "{error} lacks {part}");
    }
    let _turn = take_turn();
    check(|_, images| images.clear(), "no image to train on");
    check(
        |_, images| images[1].id = "image01".to_owned(),
        "two images are called image01",
    );
    check(
        |_, images| images[0].instances[1].mask.fill(0),
        "object 1 of image01 has no pixel",
    );
    check(
        |_, images| images[0].instances[0].class = 3,
        "object 0 of image01: expected a class from 1 to 2, got 3",
    );
    check(
        |_, images| images[0].instances[0].class = 0,
        "expected a class from 1 to 2, got 0",
    );
    check(
        |_, images| images[1].instances[0].mask = Array2::ones((3, 3)),
        "object 0 of image02: expected a mask of (y, x)",
    );
    check(
        |_, images| images[1].pixels[[0, 2, 3]] = f32::NAN,
        "image image02: (channel, y, x) (0, 2, 3) is NaN",
    );
    check(|config, _| config.input_yx = [64, 60], "input_yx");
    check(|config, _| config.scales.clear(), "scales");
    check(|config, _| config.batch = 0, "batch");
    check(|config, _| config.least_visible = 1.5, "least_visible");
}
