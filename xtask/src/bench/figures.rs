//! What a run of the benches measured.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use xshell::{Shell, cmd};

use crate::failure::Failure;
use crate::machine::Machine;
use crate::setup::versions::Versions;
use crate::workspace::Workspace;
use crate::{bad_data, checksum, process, usage};

/// Times by subject and bench, and what they were measured on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figures {
    /// Where.
    pub machine: Machine,
    /// With which compiler and libraries.
    pub versions: BTreeMap<String, String>,
    /// Subject, bench, time.
    pub subjects: BTreeMap<String, BTreeMap<String, Time>>,
}

/// The time of one iteration, with criterion's 95 % confidence interval of the median.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Time {
    /// Median in nanoseconds.
    pub median_ns: f64,
    /// Lower bound in nanoseconds.
    pub low_ns: f64,
    /// Upper bound in nanoseconds.
    pub high_ns: f64,
}

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    full_id: String,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
    confidence_interval: Interval,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

impl Figures {
    /// What criterion has written since `start`.
    ///
    /// # Errors
    /// [`Failure::Data`] if that is nothing.
    pub fn collect(workspace: &Workspace, start: SystemTime) -> Result<Self> {
        let folder = workspace.target().join("criterion");
        let subjects = if folder.is_dir() {
            times_under(&folder, start)?
        } else {
            BTreeMap::new()
        };
        if subjects.is_empty() {
            bad_data!("criterion wrote no figures under {}", folder.display());
        }
        let versions = Versions::pinned()?;
        let sh = Shell::new()?;
        let mut found = BTreeMap::new();
        found.insert(
            "rustc".to_owned(),
            process::ask(cmd!(sh, "rustc --version")).unwrap_or_default(),
        );
        for piece in ["libtorch", "onnxruntime"] {
            found.insert(piece.to_owned(), versions.version(piece)?.to_owned());
        }
        Ok(Self {
            machine: Machine::this(),
            versions: found,
            subjects,
        })
    }

    /// The stored figures `name`.
    ///
    /// # Errors
    /// [`Failure::Usage`] if there are none; [`Failure::Data`] if they can't be understood.
    pub fn read(results: &Path, name: &str) -> Result<Self> {
        let path = results.join(format!("{name}.json"));
        let Ok(text) = fs::read_to_string(&path) else {
            usage!(
                "no stored figures {}: `cargo xtask bench --save {name}` makes them",
                path.display()
            );
        };
        serde_json::from_str(&text).map_err(|e| {
            Failure::Data(format!("not figures of ours: {e}: {}", path.display())).into()
        })
    }

    /// Takes the better time of each bench that `again` measured once more.
    pub fn improve(&mut self, again: Self) {
        for (subject, benches) in again.subjects {
            let known = self.subjects.entry(subject).or_default();
            for (bench, time) in benches {
                let best = known.entry(bench).or_insert(time);
                if time.median_ns < best.median_ns {
                    *best = time;
                }
            }
        }
    }

    /// The benches that take more than `band` times as long as `baseline`'s, with their subjects and ratios.
    pub fn slower(&self, baseline: &Self, band: f64) -> Vec<(&str, &str, f64)> {
        let mut slower = Vec::new();
        for (subject, benches) in &self.subjects {
            for (bench, time) in benches {
                let before = baseline
                    .subjects
                    .get(subject)
                    .and_then(|benches| benches.get(bench));
                let ratio = before.map_or(1.0, |before| time.median_ns / before.median_ns);
                if ratio > band {
                    slower.push((subject.as_str(), bench.as_str(), ratio));
                }
            }
        }
        slower
    }

    /// Prints the ratio of each time to `baseline`'s.
    pub fn print_beside(&self, baseline: &Self) {
        if self.machine != baseline.machine {
            println!(
                "note: another machine: {} with {} threads, the baseline's {} with {}",
                self.machine.cpu,
                self.machine.threads,
                baseline.machine.cpu,
                baseline.machine.threads
            );
        }
        for (subject, benches) in &self.subjects {
            for (bench, time) in benches {
                let before = baseline
                    .subjects
                    .get(subject)
                    .and_then(|benches| benches.get(bench));
                let Some(before) = before else {
                    println!("{bench:<44} {:>12}  new", shown(time.median_ns));
                    continue;
                };
                let ratio = time.median_ns / before.median_ns;
                println!(
                    "{bench:<44} {:>12} {:>12}  {ratio:.2}",
                    shown(time.median_ns),
                    shown(before.median_ns)
                );
            }
            for bench in baseline
                .subjects
                .get(subject)
                .into_iter()
                .flat_map(BTreeMap::keys)
            {
                if !benches.contains_key(bench) {
                    println!("{bench:<44} is in the baseline only");
                }
            }
        }
    }
}

/// The times whose `estimates.json` is not older than `start`. A bench's group begins with its subject.
fn times_under(
    folder: &Path,
    start: SystemTime,
) -> Result<BTreeMap<String, BTreeMap<String, Time>>> {
    let mut subjects: BTreeMap<String, BTreeMap<String, Time>> = BTreeMap::new();
    for path in checksum::files_under(folder)? {
        if !path.ends_with("new/estimates.json") || fs::metadata(&path)?.modified()? < start {
            continue;
        }
        let estimates: Estimates = read_json(&path)?;
        let benchmark: Benchmark = read_json(&path.with_file_name("benchmark.json"))?;
        let subject = benchmark
            .group_id
            .split('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        let Estimate {
            point_estimate,
            confidence_interval,
        } = estimates.median;
        let time = Time {
            median_ns: point_estimate,
            low_ns: confidence_interval.lower_bound,
            high_ns: confidence_interval.upper_bound,
        };
        subjects
            .entry(subject)
            .or_default()
            .insert(benchmark.full_id, time);
    }
    Ok(subjects)
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &PathBuf) -> Result<T> {
    let text =
        fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("not as criterion writes it: {}", path.display()))
}

fn shown(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.2} us", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(median_ns: f64) -> Figures {
        let time = Time {
            median_ns,
            low_ns: median_ns,
            high_ns: median_ns,
        };
        Figures {
            machine: Machine {
                cpu: "c".into(),
                threads: 2,
                memory_gib: 1.0,
                platform: "p".into(),
            },
            versions: BTreeMap::new(),
            subjects: [("io".to_owned(), [("io/read".to_owned(), time)].into())].into(),
        }
    }

    #[test]
    fn only_what_leaves_the_band_is_slower_and_the_better_time_counts() {
        let baseline = figures(100.0);
        for (first, again, expected) in [
            (100.0, None, 0),
            (149.0, None, 0),
            (151.0, None, 1),
            (10.0, None, 0),
            (300.0, Some(120.0), 0),
            (300.0, Some(200.0), 1),
        ] {
            let mut now = figures(first);
            if let Some(again) = again {
                now.improve(figures(again));
            }
            assert_eq!(
                now.slower(&baseline, 1.5).len(),
                expected,
                "{first}, {again:?}"
            );
        }
        let slow = figures(200.0);
        assert_eq!(slow.slower(&baseline, 1.5), [("io", "io/read", 2.0)]);
    }

    #[test]
    fn criterions_files_are_understood() {
        let sh = Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let new = dir.path().join("io_nifti/read/64/new");
        fs::create_dir_all(&new).unwrap();
        fs::write(
            new.join("benchmark.json"),
            r#"{"group_id":"io/nifti","function_id":"read","value_str":"64","throughput":null,
                "full_id":"io/nifti/read/64","directory_name":"io_nifti/read/64","title":"io/nifti/read/64"}"#,
        )
        .unwrap();
        let interval = r#"{"confidence_level":0.95,"lower_bound":1.5,"upper_bound":3.0}"#;
        let estimate = format!(
            r#"{{"confidence_interval":{interval},"point_estimate":2.0,"standard_error":0.1}}"#
        );
        fs::write(
            new.join("estimates.json"),
            format!(r#"{{"mean":{estimate},"median":{estimate}}}"#),
        )
        .unwrap();
        let times = times_under(dir.path(), SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(
            times["io"]["io/nifti/read/64"],
            Time {
                median_ns: 2.0,
                low_ns: 1.5,
                high_ns: 3.0
            }
        );
        assert!(
            times_under(
                dir.path(),
                SystemTime::now() + std::time::Duration::from_secs(9)
            )
            .unwrap()
            .is_empty()
        );
    }
}
