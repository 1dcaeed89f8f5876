//! Pre-training on synthetic slices: it learns, repeats itself, and refuses what cannot serve.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ndarray::Array2;
use scarce_mask::Policy;
use scarce_mim::encoder::EncoderConfig;
use scarce_mim::{PretrainConfig, PretrainTask, SliceSample};
use scarce_train::image::Seed;
use scarce_train::{Existing, LoopConfig, RunFolder, RunManifest, run_training};
use tch::Device;

/// libtorch's generator belongs to the process: tests that draw from it take turns.
static GENERATOR: Mutex<()> = Mutex::new(());

/// Stripes that go on under a mask, with a disc as the region.
fn slice(id: &str, phase: f32) -> SliceSample {
    let pixels = Array2::from_shape_fn((40, 44), |(y, x)| {
        0.5 + 0.4 * ((x as f32 + y as f32) * 0.35 + phase).sin()
    });
    let region = Array2::from_shape_fn((40, 44), |(y, x)| {
        (y as i32 - 20).pow(2) + (x as i32 - 22).pow(2) < 80
    });
    SliceSample {
        id: id.to_owned(),
        pixels,
        region,
    }
}

fn config() -> PretrainConfig {
    PretrainConfig {
        crop_yx: [32, 32],
        batch: 8,
        encoder: EncoderConfig {
            widths: Some([8, 8, 16, 16]),
            ..EncoderConfig::default()
        },
        decoder_width: 32,
        policy: Policy::Region {
            high: 0.5,
            low: 0.5,
        },
        ..PretrainConfig::default()
    }
}

fn train(steps: u64) -> (PretrainTask, f64) {
    let folder = tempfile::tempdir().unwrap();
    let manifest = RunManifest {
        kind: "pretrain".to_owned(),
        seed: 1,
        device: "cpu".to_owned(),
        threads: 1,
        versions: BTreeMap::new(),
        inputs: BTreeMap::new(),
    };
    let slices = (0..6).map(|k| slice(&format!("s{k}"), k as f32)).collect();
    let mut run = RunFolder::open(folder.path(), Existing::Refuse, "", &manifest).unwrap();
    let mut task = PretrainTask::new(config(), slices, Seed(2), Device::Cpu).unwrap();
    let training = LoopConfig {
        steps,
        learning_rate: 4e-3,
        ..LoopConfig::default()
    };
    let loss = run_training(&mut task, &training, &mut run, Seed(2))
        .unwrap()
        .final_loss
        .unwrap();
    (task, loss)
}

#[test]
fn beats_the_mean_and_repeats_itself() {
    let _turn = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let (task, loss) = train(80);
    assert!(loss < 0.75, "loss {loss}: predicting the mean scores 1");
    let (_, again) = train(80);
    assert_eq!(loss.to_bits(), again.to_bits(), "{loss} {again}");

    let view = task.reconstruct(0, 7, Seed(2)).unwrap();
    assert_eq!(view.hidden.dim(), (2, 2));
    for ((y, x), output) in view.output.indexed_iter() {
        if view.hidden[[y / 16, x / 16]] {
            assert_eq!(view.masked[[y, x]], 0.0);
        } else {
            assert_eq!(*output, view.input[[y, x]]);
        }
    }
    assert!(task.reconstruct(task.slices(), 0, Seed(2)).is_err());
}

#[test]
fn refuses_what_cannot_serve() {
    let _turn = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let mut torn = slice("torn", 0.0);
    torn.region = Array2::from_elem((3, 3), true);
    let odd = PretrainConfig {
        crop_yx: [32, 40],
        ..config()
    };
    let thin = PretrainConfig {
        decoder_width: 20,
        ..config()
    };
    for (config, slices, part) in [
        (config(), vec![], "no slice"),
        (config(), vec![torn], "torn has pixels"),
        (odd, vec![slice("a", 0.0)], "crop_yx"),
        (thin, vec![slice("a", 0.0)], "decoder_width"),
    ] {
        let error = PretrainTask::new(config, slices, Seed(0), Device::Cpu).unwrap_err();
        assert!(error.to_string().contains(part), "{error} lacks {part}");
    }
}
