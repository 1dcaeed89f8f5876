//! Several processes: equal to one, repeatable, and never left hanging by a dead one.
//!
//! They are started from the example `several_processes`, as a launcher would.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use tch::Tensor;

/// No test waits longer for a process.
const PATIENCE: Duration = Duration::from_mins(2);

/// The time-out of the processes' collectives in tests that let it pass, and in those that don't.
const SHORT_S: u64 = 6;
const LONG_S: u64 = 60;

fn example() -> PathBuf {
    // target/<profile>/deps/<this test> → target/<profile>/examples/.
    let own = std::env::current_exe().unwrap();
    let profile = own.parent().and_then(Path::parent).unwrap();
    let example = profile.join("examples/several_processes");
    assert!(
        example.is_file(),
        "`cargo build -p scarce-train --examples` makes what is missing: {}",
        example.display()
    );
    example
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A process, killed when it goes out of scope.
struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    fn start(arguments: &[&str], timeout_s: u64, rank: Option<(u32, u16)>) -> Self {
        let mut command = Command::new(example());
        command
            .args(arguments)
            .env("OMP_NUM_THREADS", "1")
            .env("TIMEOUT_S", timeout_s.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in ["RANK", "WORLD_SIZE", "SLURM_PROCID", "PMI_RANK"] {
            command.env_remove(name);
        }
        if let Some((rank, port)) = rank {
            command
                .env("RANK", rank.to_string())
                .env("LOCAL_RANK", rank.to_string())
                .env("WORLD_SIZE", "2")
                .env("MASTER_ADDR", "127.0.0.1")
                .env("MASTER_PORT", port.to_string());
        }
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // The test may have seen enough.
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    fn pair(arguments: &[&str], timeout_s: u64) -> [Self; 2] {
        let port = free_port();
        [0, 1].map(|rank| Self::start(arguments, timeout_s, Some((rank, port))))
    }

    fn wait_for(&self, wanted: &str) {
        while self.lines.recv_timeout(PATIENCE).unwrap() != wanted {}
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Its exit code (none after a signal) and standard error.
    fn end(&mut self) -> (Option<i32>, String) {
        let mut errors = self.child.stderr.take().unwrap();
        let reader = thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).map(|_| text)
        });
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the process hangs");
            thread::sleep(Duration::from_millis(20));
        };
        (status.code(), reader.join().unwrap().unwrap())
    }

    fn succeed(&mut self) {
        let (code, errors) = self.end();
        assert_eq!(code, Some(0), "{errors}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn weights(folder: &Path) -> (Vec<u8>, Vec<(String, Tensor)>) {
    let path = folder.join("checkpoints/last/weights.safetensors");
    let mut tensors = Tensor::read_safetensors(&path).unwrap();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    (std::fs::read(path).unwrap(), tensors)
}

#[test]
fn two_processes_equal_one_and_repeat_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    // Local statistics are not those of the whole batch, so they are not expected to equal one process.
    for (norm, equals_one) in [("none", true), ("synchronised", true), ("local", false)] {
        let path = |name: &str| folder.path().join(format!("{norm}-{name}"));
        let arguments = |name: &str| {
            [
                path(name).to_str().unwrap().to_owned(),
                "50".to_owned(),
                norm.to_owned(),
            ]
        };
        let one = arguments("one");
        Process::start(&one.each_ref().map(String::as_str), LONG_S, None).succeed();
        for name in ["two", "again"] {
            let two = arguments(name);
            for process in &mut Process::pair(&two.each_ref().map(String::as_str), LONG_S) {
                process.succeed();
            }
        }
        let ((_, one), (bytes, two), (bytes_again, _)) = (
            weights(&path("one")),
            weights(&path("two")),
            weights(&path("again")),
        );
        assert!(bytes == bytes_again, "{norm}: two runs differ");
        assert_eq!(one.len(), two.len());
        let furthest = one
            .iter()
            .zip(&two)
            .map(|((name, a), (other, b))| {
                assert_eq!(name, other);
                (a - b).abs().max().double_value(&[])
            })
            .fold(0.0, f64::max);
        assert_eq!(furthest < 1e-5, equals_one, "{norm}: {furthest:e}");
    }
}

#[test]
fn a_lost_process_ends_the_other_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let endless = [folder.path().to_str().unwrap(), "100000000"];
    for (signal, lost, said) in [
        ("-KILL", 1, "rank 1 gave no sign of life"),
        ("-KILL", 0, "rank 0, which runs the store, has ended"),
        ("-STOP", 1, "rank 1 gave no sign of life"),
        ("-STOP", 0, "rank 0, which runs the store, does not answer"),
    ] {
        let mut pair = Process::pair(&endless, SHORT_S);
        for process in &pair {
            process.wait_for("step 5");
        }
        pair[lost].signal(signal);
        let start = Instant::now();
        let (code, errors) = pair[1 - lost].end();
        assert_eq!(code, Some(5), "{signal} {lost}: {errors}");
        assert!(errors.contains(said), "{signal} {lost}: {errors}");
        // The collective's time-out, and what finding the culprit takes.
        assert!(
            start.elapsed() < Duration::from_secs(SHORT_S * 5),
            "{signal} {lost}: {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn a_signal_to_one_makes_all_save_and_stop() {
    let folder = tempfile::tempdir().unwrap();
    for (signal, at) in [("-INT", 1), ("-TERM", 0), ("-USR1", 1)] {
        let out = folder.path().join(signal);
        let mut pair = Process::pair(&[out.to_str().unwrap(), "100000000"], LONG_S);
        for process in &pair {
            process.wait_for("step 5");
        }
        pair[at].signal(signal);
        for process in &mut pair {
            let (code, errors) = process.end();
            assert_eq!(code, Some(130), "{signal}: {errors}");
        }
        assert_eq!(weights(&out).1.len(), 8);
    }
}

#[test]
fn a_second_interrupt_ends_at_once() {
    // It waits for a rank 1 that never comes, and so can't come to the end of its step.
    let mut process = Process::start(&["unused", "1"], LONG_S, Some((0, free_port())));
    process.wait_for("ready");
    process.signal("-INT");
    thread::sleep(Duration::from_millis(100));
    assert!(process.child.try_wait().unwrap().is_none());
    process.signal("-INT");
    let (code, errors) = process.end();
    // With code 5 it would have waited until the time-out.
    assert_eq!(code, Some(130), "{errors}");
}
