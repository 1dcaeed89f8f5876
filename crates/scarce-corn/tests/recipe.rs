//! The recipe on a phantom: it learns, repeats itself, and refuses what cannot serve.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ndarray::{Array3, Axis};
use scarce_corn::inference::sliding_window;
use scarce_corn::vnet::VNetConfig;
use scarce_corn::{LabelledVolume, SemiConfig, SemiTask, UnlabelledVolume};
use scarce_train::image::Seed;
use scarce_train::{
    Existing, LoopConfig, RunFolder, RunManifest, Schedule, Task as _, run_training,
};
use tch::Device;

/// libtorch's generator belongs to the process: tests that draw from it take turns.
static GENERATOR: Mutex<()> = Mutex::new(());

/// A bright ball in a striped background.
fn phantom(centre: [i32; 3]) -> (Array3<f32>, Array3<u8>) {
    let label = Array3::from_shape_fn((24, 24, 24), |(z, y, x)| {
        let d = [
            z as i32 - centre[0],
            y as i32 - centre[1],
            x as i32 - centre[2],
        ];
        u8::from(d.iter().map(|v| v * v).sum::<i32>() < 40)
    });
    let image = Array3::from_shape_fn((24, 24, 24), |at| {
        let stripes = ((at.0 * 7 + at.1 * 5 + at.2 * 3) % 5) as f32 * 0.05;
        0.2 + stripes + 0.5 * f32::from(label[at])
    });
    (image, label)
}

fn config() -> SemiConfig {
    SemiConfig {
        network: VNetConfig {
            base_filters: 4,
            dropout: 0.1,
            ..VNetConfig::default()
        },
        patch_zyx: [16; 3],
        labelled_batch: 1,
        unlabelled_batch: 1,
        ramp_steps: 10.0,
        anchors: 16,
        voxels: 64,
        groups: 2,
        ema_max_decay: 0.9,
        ..SemiConfig::default()
    }
}

fn labelled(id: &str) -> LabelledVolume {
    let (image, label) = phantom([11, 12, 10]);
    LabelledVolume {
        id: id.to_owned(),
        image,
        label,
    }
}

fn unlabelled(id: &str) -> UnlabelledVolume {
    UnlabelledVolume {
        id: id.to_owned(),
        image: phantom([13, 10, 13]).0,
    }
}

fn train(steps: u64, unlabelled: Vec<UnlabelledVolume>) -> (SemiTask, f64) {
    let folder = tempfile::tempdir().unwrap();
    let manifest = RunManifest {
        kind: "semi".to_owned(),
        seed: 1,
        device: "cpu".to_owned(),
        threads: 1,
        versions: BTreeMap::new(),
        inputs: BTreeMap::new(),
    };
    let mut run = RunFolder::open(folder.path(), Existing::Refuse, "", &manifest).unwrap();
    let mut task = SemiTask::new(
        config(),
        vec![labelled("a")],
        unlabelled,
        Seed(1),
        Device::Cpu,
    )
    .unwrap();
    let training = LoopConfig {
        steps,
        learning_rate: 0.01,
        schedule: Schedule::Constant,
        ..LoopConfig::default()
    };
    let loss = run_training(&mut task, &training, &mut run, Seed(1))
        .unwrap()
        .final_loss;
    (task, loss)
}

fn dice(a: &Array3<bool>, b: &Array3<bool>) -> f64 {
    let count = |m: &Array3<bool>| m.iter().filter(|v| **v).count() as f64;
    let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count() as f64;
    2.0 * both / (count(a) + count(b))
}

#[test]
fn learns_a_ball_it_has_not_seen_and_repeats_itself() {
    let _turn = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let (task, loss) = train(40, vec![unlabelled("u"), unlabelled("v")]);
    let (image, label) = phantom([9, 13, 14]);
    let p = sliding_window(task.teacher(), image.view(), [16; 3], 0.5, Device::Cpu).unwrap();
    let found = p.index_axis(Axis(0), 1).map(|p| *p > 0.5);
    let score = dice(&found, &label.map(|l| *l == 1));
    assert!(score > 0.7, "Dice {score}");

    let (_, again) = train(40, vec![unlabelled("u"), unlabelled("v")]);
    assert_eq!(loss.to_bits(), again.to_bits(), "{loss} {again}");
    assert!(task.memory().len() >= 4, "the pool holds both classes");
}

#[test]
fn trains_without_unlabelled_volumes() {
    let _turn = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(train(2, vec![]).1.is_finite());
}

#[test]
fn refuses_what_cannot_serve() {
    let _turn = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let mut empty = labelled("empty");
    empty.label.fill(0);
    let mut third = labelled("third");
    third.label[[0, 0, 0]] = 2;
    let mut cut = labelled("cut");
    cut.label = Array3::zeros((3, 3, 3));
    let uneven = SemiConfig {
        patch_zyx: [16, 16, 20],
        ..config()
    };
    let cases = [
        (config(), vec![], "no labelled volume"),
        (config(), vec![empty], "empty has no foreground"),
        (config(), vec![third], "third has class 2"),
        (config(), vec![cut], "image of cut has shape"),
        (
            config(),
            vec![labelled("a"), labelled("a")],
            "a comes twice",
        ),
        (uneven, vec![labelled("a")], "patch_zyx"),
    ];
    for (config, volumes, part) in cases {
        let error = SemiTask::new(config, volumes, vec![], Seed(0), Device::Cpu).unwrap_err();
        assert!(error.to_string().contains(part), "{error} lacks {part}");
    }
}
