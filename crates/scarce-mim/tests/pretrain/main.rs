//! Pre-training on synthetic slices: it learns, repeats itself, and refuses what cannot serve.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ndarray::ArrayD;
use scarce_mask::{MaskConfig, Policy, Schedule};
use scarce_mim::encoder::EncoderConfig;
use scarce_mim::pretrain::Viewer;
use scarce_mim::{Control, ImageSample, PretrainConfig, PretrainTask, ViewConfig};
use scarce_train::image::Seed;
use scarce_train::{
    Existing, LoopConfig, RunFolder, RunManifest, StepContext, Task as _, run_training,
};
use tch::Device;

mod killed;
#[path = "../killing/mod.rs"]
mod killing;

/// libtorch's generator belongs to the process: tests that draw from it take turns.
static GENERATOR: Mutex<()> = Mutex::new(());

fn take_turn() -> MutexGuard<'static, ()> {
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stripes that go on under a mask, with a disc as the region.
fn image(id: &str, phase: f32) -> ImageSample {
    ImageSample {
        id: id.to_owned(),
        pixels: ArrayD::from_shape_fn(vec![1, 40, 44], |at| {
            0.5 + 0.4 * ((at[1] + at[2]) as f32 * 0.35 + phase).sin()
        }),
        region: ArrayD::from_shape_fn(vec![40, 44], |at| {
            (at[0] as i32 - 20).pow(2) + (at[1] as i32 - 22).pow(2) < 80
        }),
    }
}

fn images() -> Vec<Arc<ImageSample>> {
    (0..6)
        .map(|k| Arc::new(image(&format!("s{k}"), k as f32)))
        .collect()
}

fn config() -> PretrainConfig {
    PretrainConfig {
        batch: 8,
        view: ViewConfig {
            size: vec![32, 32],
            ..ViewConfig::default()
        },
        encoder: EncoderConfig {
            widths: Some([8, 8, 16, 16]),
            ..EncoderConfig::default()
        },
        decoder_width: 32,
        mask: MaskConfig::new(Policy::Region {
            high: 0.5,
            low: 0.5,
        }),
        ..PretrainConfig::default()
    }
}

fn train(config: PretrainConfig, steps: u64) -> (PretrainTask, f64) {
    let folder = tempfile::tempdir().unwrap();
    let training = LoopConfig {
        steps,
        learning_rate: 4e-3,
        ..LoopConfig::default()
    };
    let (task, loss) = run(config, &training, folder.path(), Existing::Refuse);
    (task, loss.unwrap())
}

fn run(
    config: PretrainConfig,
    training: &LoopConfig,
    path: &Path,
    existing: Existing,
) -> (PretrainTask, Option<f64>) {
    let manifest = RunManifest {
        kind: "pretrain".to_owned(),
        seed: 1,
        device: "cpu".to_owned(),
        threads: 1,
        versions: BTreeMap::new(),
        inputs: BTreeMap::new(),
    };
    let mut run = RunFolder::open(path, existing, "", &manifest).unwrap();
    let mut task = PretrainTask::new(config, images(), Seed(2), Device::Cpu).unwrap();
    let summary = run_training(&mut task, training, &mut run, Seed(2)).unwrap();
    (task, summary.final_loss)
}

#[test]
fn beats_the_mean_and_repeats_itself() {
    let _turn = take_turn();
    let (task, loss) = train(config(), 80);
    assert!(loss < 0.75, "loss {loss}: predicting the mean scores 1");
    let (_, again) = train(config(), 80);
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
    assert!(task.reconstruct(6, 0, Seed(2)).is_err());
}

#[test]
fn every_way_of_viewing_and_hiding_learns() {
    let _turn = take_turn();
    let resized = ViewConfig {
        area: Some([0.67, 1.0]),
        flip: true,
        ..config().view
    };
    let growing = Schedule {
        to: Policy::Region {
            high: 0.8,
            low: 0.2,
        },
        end: 10,
        ..Schedule::constant(config().mask.policy)
    };
    for changed in [
        PretrainConfig {
            view: resized,
            standardise: true,
            ..config()
        },
        PretrainConfig {
            control: Control::EqualCount,
            mask_patch: Some(4),
            ..config()
        },
        PretrainConfig {
            control: Control::ShuffledRegion,
            schedule: Some(growing),
            ..config()
        },
    ] {
        let (_, first) = train(changed.clone(), 1);
        let (_, last) = train(changed.clone(), 60);
        assert!(last < 0.9 * first, "{changed:?}: {first} to {last}");
    }
}

#[test]
fn looks_on_without_changing_anything() {
    let _turn = take_turn();
    let run = |every: Option<u64>| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut task = PretrainTask::new(config(), images(), Seed(2), Device::Cpu).unwrap();
        if let Some(every) = every {
            let seen = Arc::clone(&seen);
            let viewer: Viewer = Box::new(move |step, views| {
                let ids = views.into_iter().map(|view| view.id).collect::<Vec<_>>();
                seen.lock().unwrap().push((step, ids));
                Ok(())
            });
            task = task.viewed(every, vec![4, 1], viewer);
        }
        let folder = tempfile::tempdir().unwrap();
        let manifest = RunManifest::default();
        let mut run = RunFolder::open(folder.path(), Existing::Refuse, "", &manifest).unwrap();
        let training = LoopConfig {
            steps: 5,
            ..LoopConfig::default()
        };
        let summary = run_training(&mut task, &training, &mut run, Seed(2)).unwrap();
        let seen = seen.lock().unwrap().clone();
        (summary.final_loss.map(f64::to_bits), seen)
    };
    let (blind, _) = run(None);
    let (seeing, seen) = run(Some(2));
    assert_eq!(blind, seeing);
    let ids = vec!["s4".to_owned(), "s1".to_owned()];
    assert_eq!(seen, [2, 4].map(|step| (step, ids.clone())));
}

#[test]
fn refuses_what_cannot_serve() {
    let _turn = take_turn();
    let one = || vec![Arc::new(image("a", 0.0))];
    let view = |view: ViewConfig| PretrainConfig { view, ..config() };
    let sized = |size: Vec<usize>| {
        view(ViewConfig {
            size,
            ..ViewConfig::default()
        })
    };
    let upside_down = ViewConfig {
        area: Some([1.0, 0.5]),
        ..config().view
    };
    let thin = PretrainConfig {
        decoder_width: 20,
        ..config()
    };
    let mask_patch = |mask_patch: usize| PretrainConfig {
        mask_patch: Some(mask_patch),
        ..config()
    };
    let colour = PretrainConfig {
        encoder: EncoderConfig {
            in_channels: 3,
            ..config().encoder
        },
        ..config()
    };
    let standardised = PretrainConfig {
        standardise: true,
        ..colour.clone()
    };
    let mut torn = image("torn", 0.0);
    torn.region = ArrayD::from_elem(vec![3, 3], true);
    let mut broken = image("broken", 0.0);
    broken.pixels[[0, 3, 5]] = f32::NAN;
    for (config, images, part) in [
        (config(), vec![], "no image"),
        (config(), vec![Arc::new(torn)], "torn has pixels"),
        (
            config(),
            vec![Arc::new(broken)],
            "broken has the value NaN at [0, 3, 5]",
        ),
        (colour, one(), "expected 3 channels"),
        (standardised, one(), "an image of 1 channels, expected 3"),
        (sized(vec![32, 40]), one(), "view.size"),
        (sized(vec![32]), one(), "view.size"),
        (view(upside_down), one(), "view.area"),
        (thin, one(), "decoder_width"),
        (mask_patch(12), one(), "mask_patch"),
        (mask_patch(1), one(), "mask_patch"),
    ] {
        let made = PretrainTask::new(config, images, Seed(0), Device::Cpu);
        let context = StepContext {
            step: 0,
            total_steps: 1,
            seed: Seed(0),
            rank: 0,
            world_size: 1,
        };
        let error = match made {
            Ok(mut task) => task.loss(&context).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(part), "{error} lacks {part}");
    }
}
