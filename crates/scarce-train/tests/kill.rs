//! A training that is killed again and again ends byte for byte where one that was left alone does.
//!
//! `cargo xtask kill-test` sets `SCARCE_KILLS` to more kills than the tests do each time.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![cfg(unix)]

mod small;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use scarce_train::image::{Seed, StreamKey};
use scarce_train::{Existing, TrainingHooks};
use small::{SmallTask, assert_same, config, train};

/// Where the training that is to be killed runs.
const RUN: &str = "SCARCE_KILL_RUN";
/// How often it is killed.
const KILLS: &str = "SCARCE_KILLS";
/// More steps than a session between two kills takes, so that none comes too late.
const STEPS_A_KILL: u64 = 40;

fn kills() -> u64 {
    std::env::var(KILLS).map_or(5, |kills| kills.parse().unwrap())
}

/// The victim: started by the test below it goes on where it was killed.
#[test]
fn the_small_training_learns() {
    let own = tempfile::tempdir().unwrap();
    let (path, existing) = match std::env::var_os(RUN) {
        Some(path) => (PathBuf::from(path), Existing::Resume),
        None => (own.path().join("run"), Existing::Refuse),
    };
    let existing = if path.join("manifest.json").exists() {
        existing
    } else {
        // Killed before it had a name.
        Existing::Overwrite
    };
    let config = config(kills() * STEPS_A_KILL);
    train(
        &mut SmallTask::new(),
        &config,
        &path,
        existing,
        TrainingHooks::default(),
    )
    .unwrap();
    let rows = fs::read_to_string(path.join("metrics.jsonl")).unwrap();
    let losses: Vec<f64> = rows
        .lines()
        .map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap()["loss"].clone())
        .map(|loss| loss.as_f64().unwrap())
        .collect();
    assert_eq!(losses.len() as u64, config.steps);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    assert!(mean(&losses[losses.len() - 20..]) < 0.5 * mean(&losses[..20]));
}

#[test]
fn killed_at_random_moments_it_ends_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    assert!(start(&whole).wait().unwrap().success());

    let mut inside_saving = 0;
    let mut done = 0;
    for attempt in 0.. {
        // Whether a kill falls into a saving is up to the machine; one at least must.
        if done >= kills() && inside_saving > 0 {
            break;
        }
        assert!(attempt < 10 * kills(), "no kill fell into a saving");
        let mut victim = start(&killed);
        if !wait_for_the_moment(&killed, attempt, &mut victim) {
            break;
        }
        victim.kill().unwrap();
        victim.wait().unwrap();
        done += 1;
        inside_saving += u64::from(is_saving(&killed));
    }
    assert!(done >= kills(), "the run ended after {done} kills");
    println!("{done} kills, {inside_saving} of them inside saving");
    assert!(start(&killed).wait().unwrap().success());
    assert_same(&killed, &whole);
}

fn start(run: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_small_training_learns"])
        .env(RUN, run)
        .env(KILLS, kills().to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// A number below `bound` that belongs to the attempt.
fn draw(attempt: u64, purpose: &str, bound: u64) -> u64 {
    let key = StreamKey {
        epoch: attempt,
        sample_id: "",
        purpose,
    };
    Seed(5).derive(key) as u64 % bound
}

/// Waits until the training has gone on for some steps and, at every other attempt, until it saves; then
/// for some microseconds more. False where it ended before.
fn wait_for_the_moment(run: &Path, attempt: u64, victim: &mut Child) -> bool {
    let before = log(run);
    let steps = draw(attempt, "steps", 12) as usize;
    let waits_for_saving = attempt % 2 == 1;
    let (mut first_rows, mut ready) = (None, false);
    while !(ready && (!waits_for_saving || is_saving(run))) {
        if victim.try_wait().unwrap().is_some() {
            return false;
        }
        sleep(Duration::from_micros(100));
        let now = log(run);
        // A resumed run puts a shortened log in the place of the old one.
        if now.is_some() && now.map(|(inode, _)| inode) != before.map(|(inode, _)| inode) {
            let rows = now.map_or(0, |(_, rows)| rows);
            ready |= rows >= *first_rows.get_or_insert(rows) + steps;
        }
    }
    sleep(Duration::from_micros(draw(attempt, "delay", 4000)));
    true
}

fn is_saving(run: &Path) -> bool {
    [".last.tmp", ".previous.oldest", ".best.tmp"]
        .iter()
        .any(|name| run.join("checkpoints").join(name).exists())
}

/// The log's inode and how many rows it has.
fn log(run: &Path) -> Option<(u64, usize)> {
    let path = run.join("metrics.jsonl");
    let inode = fs::metadata(&path).ok()?.ino();
    Some((inode, fs::read_to_string(&path).ok()?.lines().count()))
}
