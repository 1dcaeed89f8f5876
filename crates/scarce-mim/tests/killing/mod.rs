//! A training that is killed and goes on, beside one that was left alone.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use scarce_train::Existing;
use tempfile::TempDir;

/// A test of this binary that trains in the folder that an environment variable names, or in one of its own.
pub struct Victim {
    /// The test's full name.
    pub test: &'static str,
    /// The environment variable.
    pub run: &'static str,
}

impl Victim {
    /// Where the test trains, and whether it goes on there; its own folder lives as long as `own`.
    pub fn place(&self, own: &TempDir) -> (PathBuf, Existing) {
        let path = std::env::var_os(self.run).map_or_else(|| own.path().join("run"), PathBuf::from);
        let existing = if path.join("manifest.json").exists() {
            Existing::Resume
        } else {
            Existing::Overwrite
        };
        (path, existing)
    }

    /// Kills the training at each of so many rows of metrics, lets it end, and compares `files` with an undisturbed run's.
    pub fn ends_the_same(&self, rows: &[usize], files: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
        assert!(self.start(whole.as_os_str()).wait().unwrap().success());
        let mut kills = 0;
        for rows in rows {
            let mut child = self.start(killed.as_os_str());
            while steps(&killed) < *rows && child.try_wait().unwrap().is_none() {
                sleep(Duration::from_micros(200));
            }
            kills += u64::from(child.try_wait().unwrap().is_none());
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(kills > 0, "every run ended before it was killed");
        assert!(self.start(killed.as_os_str()).wait().unwrap().success());
        for name in files {
            let read = |run: &Path| fs::read(run.join(name)).unwrap();
            assert!(read(&killed) == read(&whole), "{name} differs");
        }
    }

    fn start(&self, run: &OsStr) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", self.test])
            .env(self.run, run)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }
}

fn steps(run: &Path) -> usize {
    let rows = fs::read_to_string(run.join("metrics.jsonl"));
    rows.map_or(0, |rows| rows.lines().count())
}
