//! A checkpoint that does not fit the run is refused by name, and the one before it can be resumed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod small;

use std::fs;
use std::path::{Path, PathBuf};

use scarce_train::{Checkpoint, Existing, Fault, LoopConfig, Schedule, TrainError, TrainingHooks};
use small::{SmallTask, artefacts, assert_same, config, take_turn, train};
use tch::{Device, Kind, Tensor};

const STEPS: u64 = 12;

/// A run stopped at step 8, its `previous` of step 4.
fn stopped(folder: &Path) -> PathBuf {
    let path = folder.join("run");
    train_to(&path, Existing::Refuse, &config(8)).unwrap();
    path
}

fn train_to(path: &Path, existing: Existing, config: &LoopConfig) -> Result<(), TrainError> {
    let hooks = TrainingHooks::default();
    train(&mut SmallTask::new(), config, path, existing, hooks).map(|_| ())
}

/// Saves the last checkpoint again with one group changed; its hashes are then right.
fn rewrite(run: &Path, group: &str, change: impl FnOnce(&mut Vec<(String, Tensor)>)) {
    let checkpoints = run.join("checkpoints");
    let mut saved = Checkpoint::load(&checkpoints).unwrap();
    change(saved.groups.get_mut(group).unwrap());
    let other = run.join("rewritten");
    fs::create_dir(&other).unwrap();
    saved.save(&other).unwrap();
    fs::remove_dir_all(checkpoints.join("last")).unwrap();
    fs::rename(other.join("last"), checkpoints.join("last")).unwrap();
    fs::remove_dir(other).unwrap();
}

/// The refusal names what is wrong; the checkpoint before is offered, and with it the run ends as one that
/// was never interrupted.
fn check(spoil: impl FnOnce(&Path), said: &str, fault: Fault) {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    // Its checkpoints are of the same length of run: the cosine ends at the same step.
    train_to(&whole, Existing::Refuse, &config(8)).unwrap();
    let path = stopped(folder.path());
    spoil(&path);
    let before = artefacts(&path);
    let error = train_to(&path, Existing::Resume, &config(8)).unwrap_err();
    let message = error.to_string();
    assert!(message.contains(said), "{message:?} lacks {said:?}");
    assert!(
        message.contains("of step 4, is whole: resume that"),
        "{message}"
    );
    assert!(!message.contains('\n'), "{message}");
    assert_eq!(error.fault(), fault, "{message}");
    assert_eq!(artefacts(&path), before, "a refusal changes nothing");
    train_to(&path, Existing::ResumePrevious, &config(8)).unwrap();
    assert_same(&path, &whole);
    let previous = Checkpoint::load(&path.join("checkpoints/previous")).unwrap();
    assert_eq!(previous.state.step, 4);
    assert!(path.join("checkpoints/unfit").is_dir());
}

#[test]
fn damage_and_other_tensors_are_named() {
    let _turn = take_turn();
    let flip = |run: &Path| {
        let path = run.join("checkpoints/last/optimizer.safetensors");
        let mut content = fs::read(&path).unwrap();
        let middle = content.len() / 2;
        content[middle] ^= 1;
        fs::write(&path, content).unwrap();
    };
    check(flip, "optimizer.safetensors is damaged", Fault::Data);
    let cut = |run: &Path| fs::remove_file(run.join("checkpoints/last/ema.safetensors")).unwrap();
    check(cut, "ema.safetensors is missing", Fault::Data);
    let missing = |run: &Path| {
        rewrite(run, "weights", |tensors| {
            tensors.retain(|(name, _)| name != "fc2.bias");
        });
    };
    check(missing, "tensor fc2.bias is missing", Fault::Data);
    let extra = |run: &Path| {
        rewrite(run, "optimizer", |tensors| {
            let tensor = Tensor::zeros([1], (Kind::Float, Device::Cpu));
            tensors.push(("fc9.exp_avg".to_owned(), tensor));
        });
    };
    check(extra, "tensor fc9.exp_avg is left over", Fault::Data);
    let shape = |run: &Path| {
        rewrite(run, "weights", |tensors| {
            for (name, tensor) in tensors {
                if name == "fc1.weight" {
                    *tensor = tensor.transpose(0, 1);
                }
            }
        });
    };
    check(
        shape,
        "tensor fc1.weight has shape [4, 16], expected [16, 4]",
        Fault::Data,
    );
    let kind = |run: &Path| {
        rewrite(run, "ema", |tensors| {
            for (_, tensor) in tensors {
                *tensor = tensor.to_kind(Kind::BFloat16);
            }
        });
    };
    check(kind, "is BFloat16, expected Float", Fault::Data);
}

/// What the next session does otherwise.
struct Otherwise {
    config: LoopConfig,
    /// How many processes made the checkpoints, this being one.
    processes: u32,
    threads: i32,
}

/// Makes both checkpoints those of so many processes.
fn made_by(processes: u32, run: &Path) {
    let checkpoints = run.join("checkpoints");
    // What was last becomes the previous one.
    for _ in ["previous", "last"] {
        let mut saved = Checkpoint::load(&checkpoints).unwrap();
        saved.state.processes = processes;
        saved.save(&checkpoints).unwrap();
    }
}

#[test]
fn another_origin_is_named() {
    let _turn = take_turn();
    let threads = tch::get_num_threads();
    let same = || Otherwise {
        config: config(STEPS),
        processes: 1,
        threads,
    };
    let with = |change: &dyn Fn(&mut LoopConfig)| {
        let mut other = same();
        change(&mut other.config);
        other
    };
    let two = || Otherwise {
        processes: 2,
        ..same()
    };
    let another_count = || Otherwise {
        threads: threads + 1,
        ..same()
    };
    let cases: [(Otherwise, &[&str]); 5] = [
        (
            with(&|c| c.learning_rate = 0.02),
            &["setting `training.learning_rate` was 0.01, now it is 0.02"],
        ),
        (
            with(&|c| c.ema = None),
            &["setting `training.ema.buffers` was \"copy\", now it is absent, and"],
        ),
        (
            with(&|c| c.schedule = Schedule::Poly { power: 0.9 }),
            &["setting `training.schedule.end` was 0.01, now it is absent"],
        ),
        (two(), &["2 processes trained together, now there are 1"]),
        (
            another_count(),
            &["threads, now there are", "resume_elsewhere"],
        ),
    ];
    for (mut other, said) in cases {
        if other.config.ema.is_none() {
            other.config.validation.on_ema = false;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = stopped(folder.path());
        if other.processes != 1 {
            made_by(other.processes, &path);
        }
        let before = artefacts(&path);
        let resume = |config: &LoopConfig| {
            tch::set_num_threads(other.threads);
            let hooks = TrainingHooks::default();
            let result = train(
                &mut SmallTask::new(),
                config,
                &path,
                Existing::Resume,
                hooks,
            );
            tch::set_num_threads(threads);
            result
        };
        let error = resume(&other.config).unwrap_err();
        assert_eq!(error.fault(), Fault::Usage, "{error}");
        for part in said {
            assert!(error.to_string().contains(part), "{error} lacks {part}");
        }
        assert!(
            error.to_string().contains("does not serve either"),
            "{error}"
        );
        assert_eq!(artefacts(&path), before, "a refusal changes nothing");
        if said[0].contains("now there are") {
            let permitted = LoopConfig {
                resume_elsewhere: true,
                ..other.config.clone()
            };
            assert_eq!(resume(&permitted).unwrap().steps, STEPS);
        }
    }
}

#[test]
fn another_seed_is_named() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let path = stopped(folder.path());
    let mut run = small::open(&path, Existing::Resume).unwrap();
    let seed = scarce_train::image::Seed(12);
    let error = scarce_train::run_training(&mut SmallTask::new(), &config(STEPS), &mut run, seed)
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("its seed is 11, the run's is 12"),
        "{message}"
    );
}

#[test]
fn nothing_to_resume_is_an_error_and_a_start_without_checkpoint_is_none() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let error = train_to(&folder.path().join("typo"), Existing::Resume, &config(3)).unwrap_err();
    assert!(error.to_string().contains("there is none"), "{error}");
    // Stopped before the first checkpoint, with rows written already.
    let path = stopped(folder.path());
    let whole = folder.path().join("whole");
    train_to(&whole, Existing::Refuse, &config(8)).unwrap();
    fs::remove_dir_all(path.join("checkpoints")).unwrap();
    train_to(&path, Existing::Resume, &config(8)).unwrap();
    assert_same(&path, &whole);
}
