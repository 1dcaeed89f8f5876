//! What the loop refuses, and what it tells when something is amiss.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod small;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use scarce_train::{
    Checkpoint, Existing, Fault, LoopConfig, Outcome, Precision, StepLoss, TaskError, TrainError,
    TrainingHooks,
};
use small::{SmallTask, config, take_turn, train};

const STEPS: u64 = 23;

fn plain(path: &Path, existing: Existing, config: &LoopConfig) -> Result<Outcome, TrainError> {
    let hooks = TrainingHooks::default();
    train(&mut SmallTask::new(), config, path, existing, hooks).map(|summary| summary.outcome)
}

#[test]
fn a_log_that_is_removed_costs_no_step() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    for whole_folder in [false, true] {
        let path = folder.path().join(format!("run-{whole_folder}"));
        let mut task = SmallTask::new();
        let removed = if whole_folder {
            path.clone()
        } else {
            path.join("metrics.jsonl")
        };
        task.remove_at = Some((5, removed));
        let hooks = TrainingHooks::default();
        let error = train(&mut task, &config(STEPS), &path, Existing::Refuse, hooks).unwrap_err();
        assert!(error.to_string().contains("metrics.jsonl"), "{error}");
        let saved = Checkpoint::load(&path.join("checkpoints")).unwrap();
        assert_eq!(saved.state.step, 8);
    }
}

/// Whether the hook of the test below was called.
static CALLED: AtomicBool = AtomicBool::new(false);

#[test]
fn bf16_needs_someone_to_bring_it() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let settings = LoopConfig {
        precision: Precision::Bf16,
        ..config(3)
    };
    let error = plain(&folder.path().join("a"), Existing::Refuse, &settings).unwrap_err();
    assert!(error.to_string().contains("`precision`"), "{error}");
    let hooks = TrainingHooks {
        autocast: Some(|forward| {
            CALLED.store(true, Ordering::Relaxed);
            forward();
        }),
        ..TrainingHooks::default()
    };
    let path = folder.path().join("b");
    train(
        &mut SmallTask::new(),
        &settings,
        &path,
        Existing::Refuse,
        hooks,
    )
    .unwrap();
    assert!(CALLED.load(Ordering::Relaxed));
    let forgets = TrainingHooks {
        autocast: Some(|_| ()),
        ..TrainingHooks::default()
    };
    let path = folder.path().join("c");
    let error = train(
        &mut SmallTask::new(),
        &settings,
        &path,
        Existing::Refuse,
        forgets,
    );
    assert!(error.unwrap_err().to_string().contains("did not call"));
}

#[test]
fn settings_out_of_range_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let with = |change: &dyn Fn(&mut LoopConfig)| {
        let mut settings = config(3);
        change(&mut settings);
        plain(folder.path(), Existing::Overwrite, &settings).unwrap_err()
    };
    let decay = |decay| {
        move |c: &mut LoopConfig| {
            if let Some(ema) = &mut c.ema {
                ema.decay = decay;
            }
        }
    };
    let cases: [(TrainError, &str); 6] = [
        (with(&|c| c.accumulate = 0), "accumulate"),
        (with(&decay(1.5)), "ema.decay"),
        (with(&decay(f64::NAN)), "ema.decay"),
        (with(&|c| c.ema = None), "validation.on_ema"),
        (with(&|c| c.learning_rate = f64::INFINITY), "learning_rate"),
        (with(&|c| c.groups.layer_decay = -1.0), "groups.layer_decay"),
    ];
    for (error, key) in cases {
        assert_eq!(error.fault(), Fault::Usage);
        assert!(error.to_string().contains(&format!("`{key}`")), "{error}");
    }
}

struct Fails;
impl scarce_train::Task for Fails {
    fn loss(&mut self, _: &scarce_train::StepContext) -> Result<StepLoss, TaskError> {
        Err("the scan is gone".into())
    }
    fn parameters(&self) -> Vec<(String, tch::Tensor)> {
        Vec::new()
    }
    fn weights(&self) -> Vec<(String, tch::Tensor)> {
        Vec::new()
    }
}

#[test]
fn a_failing_task_is_told_with_its_step() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let mut run = small::open(&folder.path().join("run"), Existing::Refuse).unwrap();
    let error =
        scarce_train::run_training(&mut Fails, &LoopConfig::default(), &mut run, small::SEED)
            .unwrap_err();
    assert_eq!(error.to_string(), "step 0: the scan is gone");
}
