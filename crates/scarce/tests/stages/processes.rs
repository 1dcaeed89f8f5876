//! One training as several processes, started as `cargo xtask launch` starts them.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{phantom, succeed};

/// No test waits longer for a process.
const PATIENCE: Duration = Duration::from_mins(2);

const PRETRAIN: &str = r#"
[data]
volumes = [{ id = "a", image = "a.nii.gz" }]
slice_step = 2
[preprocessing]
spacing_mm_xyz = [4.0, 4.0, 4.0]
[method]
view.size = [32, 32]
batch = 5
decoder_width = 32
[method.encoder]
widths = [8, 8, 16, 16]
[training]
steps = 4
schedule = { kind = "constant" }
"#;

/// A process that is killed when it goes out of scope.
struct Process {
    child: Child,
    log: Option<JoinHandle<String>>,
}

impl Process {
    fn start(folder: &Path, rank: usize, port: u16, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scarce"))
            .args(arguments)
            .current_dir(folder)
            .env("SCARCE_LOG", "info")
            .env("RANK", rank.to_string())
            .env("LOCAL_RANK", rank.to_string())
            .env("WORLD_SIZE", "2")
            .env("MASTER_ADDR", "127.0.0.1")
            .env("MASTER_PORT", port.to_string())
            .env_remove("TORCHELASTIC_USE_AGENT_STORE")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).unwrap();
            text
        });
        Self {
            child,
            log: Some(log),
        }
    }

    fn pair(folder: &Path, arguments: &[&str]) -> [Self; 2] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        [0, 1].map(|rank| Self::start(folder, rank, port, arguments))
    }

    /// Its exit code (none after a signal) and standard error.
    fn end(&mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the process hangs");
            thread::sleep(Duration::from_millis(20));
        };
        (status.code(), self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pretrain<'a>(out: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let start = ["pretrain", "--config", "pretrain.toml", "--threads", "1"];
    [&start[..], &["--out", out], rest].concat()
}

/// Runs two processes and expects the same exit code of both.
fn run_pair(folder: &Path, arguments: &[&str], expected: i32) {
    for process in &mut Process::pair(folder, arguments) {
        let (code, log) = process.end();
        assert_eq!(code, Some(expected), "{arguments:?}: {log}");
    }
}

fn folder_with_data() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    phantom::write(folder.path(), "a", 20.0);
    fs::write(folder.path().join("pretrain.toml"), PRETRAIN).unwrap();
    folder
}

fn assert_same(folder: &Path, one: &str, other: &str) {
    for name in [
        "metrics.jsonl",
        "metrics.csv",
        "summary.json",
        "checkpoints/last/weights.safetensors",
        "checkpoints/last/optimizer.safetensors",
        "checkpoints/last/state.json",
        "reconstructions/00.png",
    ] {
        let read = |run: &str| fs::read(folder.join(run).join(name)).unwrap();
        assert!(
            read(one) == read(other),
            "{name} of {one} and {other} differ"
        );
    }
}

fn rows(folder: &Path, run: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(run).join("metrics.jsonl")).unwrap();
    let rows = text.lines().map(|row| serde_json::from_str(row).unwrap());
    rows.collect()
}

#[test]
fn two_processes_write_one_run_and_the_same_one_again() {
    let folder = folder_with_data();
    let folder = folder.path();
    succeed(folder, &pretrain("one", &[]));
    for out in ["two", "again"] {
        run_pair(folder, &pretrain(out, &[]), 0);
    }
    assert_same(folder, "two", "again");

    let (one, two) = (rows(folder, "one"), rows(folder, "two"));
    assert_eq!(one.len(), two.len());
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(one["hidden_ratio"], two["hidden_ratio"], "the same masks");
        let loss = |row: &Value| row["loss"].as_f64().unwrap();
        // Each normalises by the statistics of its share.
        let gap = (loss(one) - loss(two)).abs();
        assert!(gap < 0.1 * loss(one), "{one} against {two}");
    }

    let [mut main, mut other] = Process::pair(folder, &pretrain("two", &[]));
    let ((code, _), (other_code, said)) = (main.end(), other.end());
    assert_eq!((code, other_code), (Some(2), Some(5)), "{said}");
    assert!(
        said.contains("rank 0 gave up: the run folder is not empty"),
        "{said}"
    );
}

#[test]
fn a_signal_to_one_stops_both_and_the_run_goes_on() {
    let folder = folder_with_data();
    let folder = folder.path();
    let mut pair = Process::pair(folder, &pretrain("parts", &["--steps", "100000"]));
    let metrics = folder.join("parts/metrics.jsonl");
    let deadline = Instant::now() + PATIENCE;
    while !fs::read_to_string(&metrics).is_ok_and(|text| text.lines().count() >= 2) {
        assert!(Instant::now() < deadline, "no step was done");
        thread::sleep(Duration::from_millis(5));
    }
    let pid = pair[1].child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    for process in &mut pair {
        let (code, log) = process.end();
        assert_eq!(code, Some(130), "{log}");
        assert!(log.contains("--resume goes on from there"), "{log}");
    }
    let steps = (rows(folder, "parts").len() + 2).to_string();
    run_pair(
        folder,
        &pretrain("parts", &["--resume", "--steps", &steps]),
        0,
    );
    run_pair(folder, &pretrain("whole", &["--steps", &steps]), 0);
    assert_same(folder, "parts", "whole");
}

#[test]
fn what_cannot_be_shared_is_refused() {
    let folder = folder_with_data();
    let folder = folder.path();
    let semi = r#"
[data]
labelled = [{ id = "a", image = "a.nii.gz", label = "a.labels.nii.gz" }]

[method]
labelled_batch = 3
"#;
    fs::write(folder.join("semi.toml"), semi).unwrap();
    let small = pretrain("run", &["--set", "method.batch=1"]);
    for (arguments, part) in [
        (
            &["semi", "--config", "semi.toml", "--out", "run"][..],
            "labelled_batch: expected a multiple of the number of processes, which share it equally, got 3",
        ),
        (
            &small,
            "a batch of 1 samples cannot be shared by 2 processes",
        ),
    ] {
        for process in &mut Process::pair(folder, arguments) {
            let (code, log) = process.end();
            assert_eq!(code, Some(2), "{log}");
            assert!(log.contains(part), "{log}");
        }
        assert!(!folder.join("run").exists());
    }
}

#[test]
fn bf16_reaches_the_forward_pass() {
    let folder = folder_with_data();
    let folder = folder.path();
    for precision in ["fp32", "bf16"] {
        let set = format!("training.precision={precision}");
        succeed(
            folder,
            &pretrain(precision, &["--steps", "1", "--set", &set]),
        );
    }
    let loss = |run: &str| rows(folder, run)[0]["loss"].as_f64().unwrap();
    let (full, half) = (loss("fp32"), loss("bf16"));
    assert!(
        full != half && (full - half).abs() < 0.02 * full,
        "{full} {half}"
    );
}
