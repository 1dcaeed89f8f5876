//! A run that is stopped, by whatever, ends as one that is not.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod small;

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use scarce_train::{
    Checkpoint, Existing, Fault, Goal, LoopConfig, Outcome, TrainError, TrainingHooks,
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
