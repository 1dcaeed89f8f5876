//! A training on a phantom: it learns, repeats itself, resumes, validates, and refuses what cannot serve.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod learning;
mod refusals;
mod teacher;
mod terms;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ndarray::{Array3, Array4, Axis};
use scarce_corn::augment::AugmentConfig;
use scarce_corn::confidence::{ConfidenceFilter, Selection};
use scarce_corn::correlation::CorrelationForm;
use scarce_corn::correlation::repaired::RepairedOptions;
use scarce_corn::inference::{Blend, Windows, sliding_window};
use scarce_corn::perturbation::NoiseConfig;
use scarce_corn::pool::AnchorDraw;
use scarce_corn::ramp::Ramp;
use scarce_corn::settings::{ConsistencyConfig, CorrelationConfig, PoolConfig};
use scarce_corn::teacher::{Buffers, TeacherConfig};
use scarce_corn::vnet::{VNet, VNetConfig};
use scarce_corn::{
    Branches, CornError, LabelledVolume, SemiConfig, SemiTask, TrainedNetwork, UnlabelledVolume,
};
use scarce_train::image::Seed;
use scarce_train::{
    Checkpoint, Existing, LoopConfig, RunFolder, RunManifest, Schedule, StepContext, Task as _,
    run_training,
};
use tch::{Device, Kind, Tensor};

/// libtorch's generator belongs to the process: tests that draw from it take turns.
static GENERATOR: Mutex<()> = Mutex::new(());

fn take_turn() -> MutexGuard<'static, ()> {
    tch::set_num_threads(1);
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bright ball in noise.
fn phantom(centre: [i32; 3]) -> (Array3<f32>, Array3<u8>) {
    let label = Array3::from_shape_fn((24, 24, 24), |(z, y, x)| {
        let d = [
            z as i32 - centre[0],
            y as i32 - centre[1],
            x as i32 - centre[2],
        ];
        u8::from(d.iter().map(|v| v * v).sum::<i32>() < 40)
    });
    let mut state = 12345u32;
    let image = label.map(|l| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 8) as f32 / 16_777_216.0;
        0.1 + 0.3 * noise + 0.5 * f32::from(*l)
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
        branches: follows_by(0.9),
        ramp: Ramp::Continuous { steps: 10.0 },
        correlation: CorrelationConfig {
            form: CorrelationForm::Repaired(RepairedOptions {
                groups: 2,
                ..RepairedOptions::default()
            }),
            filter: ConfidenceFilter {
                voxels: Selection::TopAndRandom {
                    count: 64,
                    surest_share: 0.5,
                },
                ..ConfidenceFilter::default()
            },
            anchors: AnchorDraw {
                count: 16,
                at_least: 16,
                in_halves: false,
            },
            pool: PoolConfig {
                capacity: 64,
                ..PoolConfig::default()
            },
            ..CorrelationConfig::default()
        },
        ..SemiConfig::default()
    }
}

fn follows_by(max_decay: f64) -> Branches {
    Branches::MeanTeacher(TeacherConfig {
        max_decay,
        buffers: Buffers::Copy,
        ..TeacherConfig::default()
    })
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

fn task(config: SemiConfig, others: &[&str]) -> SemiTask {
    let others = others.iter().map(|id| unlabelled(id)).collect();
    refusable(config, vec![labelled("a")], others).unwrap()
}

fn refusable(
    config: SemiConfig,
    volumes: Vec<LabelledVolume>,
    others: Vec<UnlabelledVolume>,
) -> Result<SemiTask, CornError> {
    SemiTask::new(config, volumes, others, vec![], Seed(1), Device::Cpu)
}

/// Trains into `folder` and gives back the log.
fn train(task: &mut SemiTask, steps: u64, folder: &Path, existing: Existing) -> String {
    let manifest = RunManifest {
        kind: "semi".to_owned(),
        seed: 1,
        device: "cpu".to_owned(),
        threads: 1,
        versions: BTreeMap::new(),
        inputs: BTreeMap::new(),
    };
    let mut run = RunFolder::open(folder, existing, "", &manifest).unwrap();
    let training = LoopConfig {
        steps,
        learning_rate: 0.01,
        schedule: Schedule::Constant,
        ..LoopConfig::default()
    };
    run_training(task, &training, &mut run, Seed(1)).unwrap();
    fs::read_to_string(folder.join("metrics.jsonl")).unwrap()
}

fn of<'t>(task: &'t SemiTask, network: &str) -> &'t VNet {
    task.method().network(network).unwrap()
}

fn probabilities_of(net: &VNet, image: &Array3<f32>) -> Array4<f32> {
    let windows = Windows {
        patch_zyx: [16; 3],
        blend: Blend::Uniform,
        ..Windows::default()
    };
    let forward = |x: &Tensor| net.forward_main(x);
    sliding_window(&forward, image.view(), &windows, Device::Cpu).unwrap()
}

fn dice_of(net: &VNet, centre: [i32; 3]) -> f64 {
    let (image, label) = phantom(centre);
    let p = probabilities_of(net, &image);
    let found = p.index_axis(Axis(0), 1).map(|p| u8::from(*p > 0.5));
    let both = found.iter().zip(&label).filter(|(a, b)| **a + **b == 2);
    let count = |m: &Array3<u8>| m.iter().map(|v| usize::from(*v)).sum::<usize>();
    2.0 * both.count() as f64 / (count(&found) + count(&label)) as f64
}
