//! Semi-supervised training on synthetic volumes, on one process or several.
//!
//! ```sh
//! cargo build -p scarce-corn --example semi_on_processes
//! cargo xtask launch -n 2 -- target/debug/examples/semi_on_processes target/semi 6
//! ```
//!
//! The arguments are the run folder and the number of steps; a folder that holds a run goes on with it. Each
//! process leaves what it ended with, weights and feature pool, as `rank-<k>.safetensors` in the run folder.

use std::error::Error;
use std::path::{Path, PathBuf};

use ndarray::Array3;
use scarce_corn::confidence::{ConfidenceFilter, Selection};
use scarce_corn::correlation::CorrelationForm;
use scarce_corn::correlation::repaired::RepairedOptions;
use scarce_corn::pool::AnchorDraw;
use scarce_corn::ramp::Ramp;
use scarce_corn::settings::{CorrelationConfig, PoolConfig};
use scarce_corn::teacher::{Buffers, TeacherConfig};
use scarce_corn::vnet::VNetConfig;
use scarce_corn::{Branches, LabelledVolume, SemiConfig, SemiTask, UnlabelledVolume};
use scarce_train::distributed::Group;
use scarce_train::image::Seed;
use scarce_train::{
    Existing, LoopConfig, RunFolder, RunManifest, Schedule, Task as _, TrainError, TrainingHooks,
    run_training_with,
};
use tch::{Device, Tensor};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(steps)) = (arguments.next(), arguments.next()) else {
        return Err("usage: semi_on_processes FOLDER STEPS".into());
    };
    let (folder, steps) = (PathBuf::from(folder), steps.parse()?);
    tch::set_num_threads(1);
    let labelled = (0..3)
        .map(|k| {
            let (image, label) = ball([9 + k, 12, 11 - k]);
            let id = format!("labelled-{k}");
            LabelledVolume { id, image, label }
        })
        .collect();
    let unlabelled = (0..4)
        .map(|k| {
            let (id, image) = (format!("unlabelled-{k}"), ball([12, 9 + k, 10]).0);
            UnlabelledVolume { id, image }
        })
        .collect();
    let mut task = SemiTask::new(config(), labelled, unlabelled, vec![], Seed(1), Device::Cpu)?;
    let group = Group::from_env(Group::DEFAULT_TIMEOUT)?;
    let result = train(&mut task, &group, &folder, steps);
    let rank = group.rank();
    group.conclude(result)?;
    let all: Vec<(String, Tensor)> = task.weights().into_iter().chain(task.memory()).collect();
    Tensor::write_safetensors(&all, folder.join(format!("rank-{rank}.safetensors")))?;
    Ok(())
}

fn train(task: &mut SemiTask, group: &Group, folder: &Path, steps: u64) -> Result<(), TrainError> {
    let training = LoopConfig {
        steps,
        learning_rate: 0.01,
        schedule: Schedule::Constant,
        ..LoopConfig::default()
    };
    let mut run = if group.is_main() {
        RunFolder::open(folder, Existing::Continue, "", &RunManifest::default())?
    } else {
        RunFolder::follow(folder, "")
    };
    let hooks = TrainingHooks {
        processes: Some(group),
        ..TrainingHooks::default()
    };
    run_training_with(task, &training, &mut run, Seed(1), hooks).map(|_| ())
}

fn config() -> SemiConfig {
    SemiConfig {
        network: VNetConfig {
            base_filters: 4,
            dropout: 0.1,
            ..VNetConfig::default()
        },
        patch_zyx: [32, 16, 16],
        labelled_batch: 2,
        unlabelled_batch: 2,
        // From the first step on, so that few steps show everything.
        ramp: Ramp::None,
        branches: Branches::MeanTeacher(TeacherConfig {
            max_decay: 0.8,
            // Without dropout it is sure of something soon.
            buffers: Buffers::Copy,
            ..TeacherConfig::default()
        }),
        correlation: CorrelationConfig {
            form: CorrelationForm::Repaired(RepairedOptions {
                groups: 2,
                ..RepairedOptions::default()
            }),
            filter: ConfidenceFilter {
                voxels: Selection::Top { count: 64 },
                ..ConfidenceFilter::default()
            },
            anchors: AnchorDraw {
                count: 8,
                at_least: 8,
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

/// A bright ball in a dark box, and where it is.
fn ball(centre_zyx: [i32; 3]) -> (Array3<f32>, Array3<u8>) {
    let label = Array3::from_shape_fn((32, 24, 24), |(z, y, x)| {
        let [dz, dy, dx] = [
            z as i32 - centre_zyx[0],
            y as i32 - centre_zyx[1],
            x as i32 - centre_zyx[2],
        ];
        u8::from(dz * dz + dy * dy + dx * dx < 50)
    });
    (label.mapv(|l| 0.2 + 0.6 * f32::from(l)), label)
}
