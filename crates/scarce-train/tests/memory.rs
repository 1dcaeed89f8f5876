//! A thousand steps take no more memory than a few.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![cfg(target_os = "linux")]

mod small;

use std::cell::RefCell;
use std::fs;
use std::rc::Rc;
use std::time::Duration;

use scarce_train::{Existing, LoopConfig, TrainingHooks};
use small::{SmallTask, config, take_turn, train};

/// KiB of the process that are in memory.
fn resident_kib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn memory_is_flat() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let samples = Rc::new(RefCell::new(Vec::new()));
    let into = Rc::clone(&samples);
    // The loop asks for the time before each step.
    let elapsed = move || {
        into.borrow_mut().push(resident_kib());
        Duration::ZERO
    };
    let hooks = TrainingHooks {
        elapsed: Some(Box::new(elapsed)),
        ..TrainingHooks::default()
    };
    let settings = LoopConfig {
        wall_clock_budget_s: 1.0,
        checkpoint_every: 100,
        accumulate: 2,
        ..config(1300)
    };
    let path = folder.path().join("run");
    train(
        &mut SmallTask::new(),
        &settings,
        &path,
        Existing::Refuse,
        hooks,
    )
    .unwrap();
    let samples = samples.borrow();
    // Caches and pools fill in the first steps.
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (early, late) = (mean(&samples[300..400]), mean(&samples[1200..]));
    let kib_a_step = (late - early) / 900.0;
    assert!(
        kib_a_step < 0.5,
        "{kib_a_step:.2} KiB a step: from {early:.0} to {late:.0} KiB"
    );
}
