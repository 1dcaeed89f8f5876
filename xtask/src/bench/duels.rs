//! What the side-by-side runs measured: one record a subject, ratios beside the times they come from.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use xshell::{Shell, cmd};

use crate::machine::Machine;
use crate::{atomic, bad_data, process};

/// The duels of one subject and what they were measured on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// Where.
    pub machine: Machine,
    /// Ours: the commit and the compiler; the peers': as their scripts require them.
    pub versions: BTreeMap<String, String>,
    /// In the order they ran.
    pub duels: Vec<Duel>,
}

/// One job done by both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Duel {
    /// The job and its size.
    pub job: String,
    /// The tolerance to which the results were found equal before anything was timed.
    pub equal_to: f64,
    /// Our time in seconds.
    pub scarce_s: f64,
    /// The others.
    pub peers: BTreeMap<String, Peer>,
    /// What must be known to read the figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Another library at the same job.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// Its time in seconds.
    pub seconds: f64,
    /// Its time over ours: above 1, ours is faster.
    pub ratio: f64,
}

/// A line of a script's output that tells of a duel.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    duel: String,
    scarce_s: f64,
    peers: BTreeMap<String, f64>,
    equal_to: f64,
    note: Option<String>,
}

impl Duel {
    /// The duel that `line` tells of; `None` for any other line.
    ///
    /// # Errors
    /// [`crate::failure::Failure::Data`] for an object that is no duel, or times that are none.
    pub fn from_line(line: &str) -> Result<Option<Self>> {
        if !line.starts_with('{') {
            return Ok(None);
        }
        let told: Told = match serde_json::from_str(line) {
            Ok(told) => told,
            Err(error) => bad_data!("not a duel as peers' scripts print them: {error}: {line}"),
        };
        let is_time = |seconds: f64| seconds.is_finite() && seconds > 0.0;
        if !is_time(told.scarce_s) || !told.peers.values().copied().all(is_time) {
            bad_data!("a duel without times: {line}");
        }
        let peers = told
            .peers
            .into_iter()
            .map(|(name, seconds)| {
                let ratio = rounded(seconds / told.scarce_s);
                (name, Peer { seconds, ratio })
            })
            .collect();
        Ok(Some(Self {
            job: told.duel,
            equal_to: told.equal_to,
            scarce_s: told.scarce_s,
            peers,
            note: told.note,
        }))
    }

    /// As one line for the user.
    pub fn shown(&self) -> String {
        let peers: Vec<String> = self
            .peers
            .iter()
            .map(|(name, peer)| format!("{name} {} ({}x)", seconds(peer.seconds), peer.ratio))
            .collect();
        let ours = seconds(self.scarce_s);
        format!("{}: scarce {ours}, {}", self.job, peers.join(", "))
    }
}

impl Subject {
    /// `duels` as measured here and now, against what the scripts `require`.
    ///
    /// # Errors
    /// None but a current folder that is gone.
    pub fn new<'a>(duels: Vec<Duel>, require: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let sh = Shell::new()?;
        let mut versions: BTreeMap<String, String> = require
            .into_iter()
            .filter_map(|pin| pin.split_once("=="))
            .map(|(name, version)| (name.to_owned(), version.to_owned()))
            .collect();
        for (name, command) in [
            ("scarce", cmd!(sh, "git describe --always --dirty")),
            ("rustc", cmd!(sh, "rustc --version")),
        ] {
            versions.insert(name.to_owned(), process::ask(command).unwrap_or_default());
        }
        Ok(Self {
            machine: Machine::this(),
            versions,
            duels,
        })
    }
}

/// Puts `measured` into the record at `path`; subjects that were not measured stay as they are.
///
/// # Errors
/// [`crate::failure::Failure::Data`] if the file there is no such record; writing fails.
pub fn save(path: &Path, measured: BTreeMap<String, Subject>) -> Result<()> {
    let mut record: BTreeMap<String, Subject> = match fs::read_to_string(path) {
        Err(_) => BTreeMap::new(),
        Ok(text) => match serde_json::from_str(&text) {
            Ok(record) => record,
            Err(error) => bad_data!("not a record of duels: {error}: {}", path.display()),
        },
    };
    record.extend(measured);
    atomic::write(path, &(serde_json::to_string_pretty(&record)? + "\n"))
}

fn rounded(ratio: f64) -> f64 {
    let digits = if ratio < 10.0 { 100.0 } else { 10.0 };
    (ratio * digits).round() / digits
}

fn seconds(seconds: f64) -> String {
    if seconds < 0.1 {
        format!("{:.2} ms", seconds * 1e3)
    } else {
        format!("{seconds:.3} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"duel": "load", "scarce_s": 0.02, "peers": {"nibabel": 0.5, "SimpleITK": 0.021}, "equal_to": 0}"#;

    #[test]
    fn lines_become_ratios_or_errors() {
        let duel = Duel::from_line(LINE).unwrap().unwrap();
        assert_eq!(
            duel.peers["nibabel"],
            Peer {
                seconds: 0.5,
                ratio: 25.0
            }
        );
        assert_eq!(
            duel.shown(),
            "load: scarce 20.00 ms, SimpleITK 21.00 ms (1.05x), nibabel 0.500 s (25x)"
        );
        assert_eq!(Duel::from_line("building").unwrap(), None);
        for (from, to, expected) in [
            ("equal_to", "equals", "unknown field"),
            ("0.02", "0.0", "without times"),
            ("0.5", "-1", "without times"),
            ("\"load\"", "7", "invalid type"),
        ] {
            let error = Duel::from_line(&LINE.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn a_record_keeps_what_was_not_measured_again() {
        let folder = Shell::new().unwrap().create_temp_dir().unwrap();
        let path = folder.path().join("peers.json");
        let subject = |seconds: &str| {
            let line = LINE.replace("0.02,", &format!("{seconds},"));
            Subject::new(vec![Duel::from_line(&line).unwrap().unwrap()], ["a==1.2"]).unwrap()
        };
        let of = |name: &str, seconds| BTreeMap::from([(name.to_owned(), subject(seconds))]);
        save(&path, of("io", "0.02")).unwrap();
        save(&path, of("image", "0.03")).unwrap();
        save(&path, of("io", "0.04")).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let record: BTreeMap<String, Subject> = serde_json::from_str(&text).unwrap();
        assert_eq!(record["io"], subject("0.04"));
        assert_eq!(record["image"], subject("0.03"));
        assert_eq!(record["io"].versions["a"], "1.2");

        fs::write(&path, "[]").unwrap();
        assert!(save(&path, BTreeMap::new()).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "[]");
    }
}
