//! What the loop does beside stepping: it can be stopped, resumed, told to validate, and trusted with NaNs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod small;

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use scarce_train::{
    Checkpoint, Existing, Fault, Goal, LoopConfig, NonFinitePolicy, Outcome, Precision, StepLoss,
    Task as _, TaskError, TrainError, TrainingHooks,
};
use small::{SmallTask, artefacts, assert_same, config, take_turn, train};

const STEPS: u64 = 23;

fn plain(path: &Path, existing: Existing, config: &LoopConfig) -> Result<Outcome, TrainError> {
    let hooks = TrainingHooks::default();
    train(&mut SmallTask::new(), config, path, existing, hooks).map(|summary| summary.outcome)
}

/// A run that nothing happens to.
fn whole(folder: &Path, config: &LoopConfig) -> std::path::PathBuf {
    let path = folder.join("whole");
    assert_eq!(
        plain(&path, Existing::Refuse, config).unwrap(),
        Outcome::Finished
    );
    path
}

#[test]
fn two_runs_are_the_same() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let first = whole(folder.path(), &config(STEPS));
    let second = folder.path().join("second");
    plain(&second, Existing::Refuse, &config(STEPS)).unwrap();
    assert_same(&second, &first);
}

#[test]
fn stopped_by_a_flag_after_any_step_it_ends_the_same() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let expected = whole(folder.path(), &config(STEPS));
    for every in [1, 2, 5, 7, 9] {
        let path = folder.path().join(format!("every-{every}"));
        let mut sessions = 0;
        loop {
            let mut task = SmallTask::new();
            let stop = Arc::new(AtomicBool::new(false));
            let before = sessions * every;
            task.stop_at = Some((before + every - 1, Arc::clone(&stop)));
            let hooks = TrainingHooks {
                stop: Some(stop),
                ..TrainingHooks::default()
            };
            let existing = if sessions == 0 {
                Existing::Refuse
            } else {
                Existing::Resume
            };
            sessions += 1;
            match train(&mut task, &config(STEPS), &path, existing, hooks) {
                Err(error @ TrainError::Interrupted { .. }) => {
                    assert_eq!(error.fault(), Fault::Interrupted);
                    assert!(
                        error
                            .to_string()
                            .contains(&format!("after step {}", before + every))
                    );
                    let saved = Checkpoint::load(&path.join("checkpoints")).unwrap();
                    assert_eq!(saved.state.step, before + every);
                }
                other => {
                    assert_eq!(other.unwrap().outcome, Outcome::Finished);
                    break;
                }
            }
        }
        assert_eq!(sessions, STEPS.div_ceil(every));
        assert_same(&path, &expected);
    }
}

#[test]
fn the_clock_decides_only_where_a_session_stops() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let expected = whole(folder.path(), &config(STEPS));
    let path = folder.path().join("run");
    let limited = LoopConfig {
        wall_clock_budget_s: 60.0,
        ..config(STEPS)
    };
    let mut outcomes = Vec::new();
    // A clock that is asked once before each step, and jumps by an hour at the seventh.
    while outcomes.last() != Some(&Outcome::Finished) {
        let asked = Cell::new(0u64);
        let elapsed = move || {
            asked.set(asked.get() + 1);
            Duration::from_secs(if asked.get() > 6 { 3600 } else { asked.get() })
        };
        let hooks = TrainingHooks {
            elapsed: Some(Box::new(elapsed)),
            ..TrainingHooks::default()
        };
        let existing = if outcomes.is_empty() {
            Existing::Refuse
        } else {
            Existing::Resume
        };
        let summary = train(&mut SmallTask::new(), &limited, &path, existing, hooks).unwrap();
        outcomes.push(summary.outcome);
    }
    assert_eq!(outcomes.len(), 4);
    assert_same(&path, &expected);
}

#[test]
fn training_ends_when_validation_no_longer_improves() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut settings = config(200);
    // The error falls: the first is the greatest.
    settings.validation.goal = Goal::Maximise;
    settings.validation.every = 10;
    settings.validation.patience = Some(3);
    assert_eq!(
        plain(&path, Existing::Refuse, &settings).unwrap(),
        Outcome::StoppedEarly
    );
    let last = Checkpoint::load(&path.join("checkpoints")).unwrap().state;
    let best = Checkpoint::load(&path.join("checkpoints/best"))
        .unwrap()
        .state;
    assert_eq!(
        (best.step, last.step, last.validations_since_best),
        (10, 40, 3)
    );
    assert_eq!(best.best, last.best);
    assert_eq!(best.best.as_ref().unwrap().name, "validation_error");
    // Resumed, it stays where it is.
    let before = artefacts(&path);
    assert_eq!(
        plain(&path, Existing::Resume, &settings).unwrap(),
        Outcome::StoppedEarly
    );
    assert_eq!(artefacts(&path), before);
}

#[test]
fn what_is_not_finite_is_dumped_and_changes_nothing() {
    let _turn = take_turn();
    for (poison, what, step) in [
        (Poison::Input, "loss", 6),
        (Poison::Gradient, "gradient norm", 6),
        // A weight that no loss depends on: found before a good checkpoint is followed by a bad one.
        (Poison::Weight, "weights poison", 7),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let mut task = SmallTask::new();
        match poison {
            Poison::Input => task.poisoned = vec![6],
            Poison::Gradient => task.poisoned_gradient = Some(6),
            Poison::Weight => task.poisoned_weight = Some(6),
        }
        let hooks = TrainingHooks::default();
        let error = train(&mut task, &config(STEPS), &path, Existing::Refuse, hooks).unwrap_err();
        assert_eq!(error.fault(), Fault::Numeric);
        let record = fs::read_to_string(path.join(format!("non-finite-step-{step}.json"))).unwrap();
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        assert_eq!(record["what"], what, "{error}");
        assert_eq!(record["sample_ids"][0], format!("batch-{step}"));
        assert!(
            error.to_string().contains(&format!("batch-{step}")),
            "{error}"
        );
        if step == 6 {
            for (name, tensor) in task.parameters() {
                assert!(bool::try_from(tensor.isfinite().all()).unwrap(), "{name}");
            }
        }
        let saved = Checkpoint::load(&path.join("checkpoints")).unwrap();
        assert_eq!(saved.state.step, 4, "{what}");
    }
}

enum Poison {
    Input,
    Gradient,
    Weight,
}

#[test]
fn a_rolled_back_run_passes_over_the_step() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let rolls_back = LoopConfig {
        non_finite: NonFinitePolicy::RollBack,
        ..config(STEPS)
    };
    let run = |name: &str, poisoned: &[u64], sessions: &[u64]| {
        let path = folder.path().join(name);
        let mut result = Ok(());
        for (k, stop) in sessions.iter().enumerate() {
            let mut task = SmallTask::new();
            task.poisoned = poisoned.to_vec();
            let flag = Arc::new(AtomicBool::new(false));
            task.stop_at = Some((*stop, Arc::clone(&flag)));
            let hooks = TrainingHooks {
                stop: Some(flag),
                ..TrainingHooks::default()
            };
            let existing = if k == 0 {
                Existing::Refuse
            } else {
                Existing::Resume
            };
            result = train(&mut task, &rolls_back, &path, existing, hooks).map(|_| ());
        }
        (path, result)
    };
    // The first step, a step after a checkpoint, one before.
    let poisoned = [0, 8, 15];
    let (once, result) = run("once", &poisoned, &[u64::MAX]);
    result.unwrap();
    let state = Checkpoint::load(&once.join("checkpoints")).unwrap().state;
    assert_eq!(Vec::from_iter(state.skipped_steps), poisoned);
    let rows = fs::read_to_string(once.join("metrics.jsonl")).unwrap();
    let skipped: Vec<bool> = rows.lines().map(|row| row.contains("skipped")).collect();
    assert_eq!(skipped.len() as u64, STEPS);
    for (step, skipped) in skipped.iter().enumerate() {
        assert_eq!(*skipped, poisoned.contains(&(step as u64)), "step {step}");
    }
    let (parts, result) = run("parts", &poisoned, &[2, 9, 12, u64::MAX]);
    result.unwrap();
    assert_same(&parts, &once);
    // Not for ever.
    let (_, result) = run("often", &[3, 5, 7, 9], &[u64::MAX]);
    assert!(matches!(result, Err(TrainError::NonFinite { step: 9, .. })));
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
