//! Numbers that are not finite reach no weight and no checkpoint.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod small;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use scarce_train::{
    Checkpoint, Existing, Fault, LoopConfig, NonFinitePolicy, Task as _, TrainError, TrainingHooks,
};
use small::{SmallTask, assert_same, config, take_turn, train};

const STEPS: u64 = 23;

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
