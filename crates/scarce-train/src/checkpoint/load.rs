//! Reading a checkpoint, all of it or nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tch::Tensor;

use super::files::{blake3_hex, io};
use super::state::FORMAT;
use super::{Checkpoint, CheckpointFault, CheckpointState, SEAL_FILE, STATE_FILE};
use crate::TrainError;

impl Checkpoint {
    /// Reads a checkpoint: `path` itself, or in a `checkpoints` folder `last`, or `previous` where
    /// a kill between two renames left no `last`.
    ///
    /// # Errors
    /// [`TrainError::UnfitCheckpoint`] when a file is missing or its hash differs, saying whether
    /// the one before it is whole; nothing is half-read.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        let folder = Self::locate(path)?;
        Self::read(&folder).map_err(|error| match error {
            TrainError::UnfitCheckpoint { fault, path, .. } => TrainError::UnfitCheckpoint {
                fault,
                before_it: the_one_before(&folder, |_| Ok(())),
                path,
            },
            other => other,
        })
    }

    /// Where [`Self::load`] would read.
    ///
    /// # Errors
    /// [`TrainError::UnfitCheckpoint`] when there is none.
    pub fn locate(path: &Path) -> Result<PathBuf, TrainError> {
        let sealed =
            |folder: &Path| folder.join(STATE_FILE).exists() || folder.join(SEAL_FILE).exists();
        if sealed(path) {
            return Ok(path.to_owned());
        }
        [path.join("last"), path.join("previous")]
            .into_iter()
            .find(|folder| folder.is_dir())
            .ok_or_else(|| unfit(CheckpointFault::Absent, path))
    }

    /// Reads the checkpoint in `folder`; the error says nothing of others.
    pub(crate) fn read(folder: &Path) -> Result<Self, TrainError> {
        let state = read_state(folder)?;
        let mut groups = BTreeMap::new();
        for (name, expected) in &state.blake3 {
            let file = folder.join(name);
            if !file.is_file() {
                return Err(unfit(
                    CheckpointFault::MissingFile { file: name.clone() },
                    &file,
                ));
            }
            let got = blake3_hex(&file)?;
            if got != *expected {
                return Err(damaged(name, expected, got, &file));
            }
            let group = name.trim_end_matches(".safetensors").to_owned();
            groups.insert(group, Tensor::read_safetensors(&file)?);
        }
        Ok(Self { groups, state })
    }
}

/// One clause on the checkpoint beside `folder`: what it is good for, for a message.
pub(crate) fn the_one_before(
    folder: &Path,
    serves: impl FnOnce(&Checkpoint) -> Result<(), CheckpointFault>,
) -> String {
    let previous = folder.with_file_name("previous");
    if previous == folder {
        return "there is none before it".to_owned();
    }
    match Checkpoint::read(&previous) {
        Ok(checkpoint) => {
            let step = checkpoint.state.step;
            match serves(&checkpoint) {
                Ok(()) => format!(
                    "the one before it, of step {step}, is whole: resume that with --resume-previous"
                ),
                Err(fault) => {
                    format!("the one before it, of step {step}, does not serve either: {fault}")
                }
            }
        }
        Err(_) if !previous.exists() => "there is none before it".to_owned(),
        Err(_) => "the one before it is damaged too".to_owned(),
    }
}

pub(crate) fn unfit(fault: CheckpointFault, path: &Path) -> TrainError {
    TrainError::UnfitCheckpoint {
        fault: Box::new(fault),
        before_it: "there is none before it".to_owned(),
        path: path.to_owned(),
    }
}

fn read_state(folder: &Path) -> Result<CheckpointState, TrainError> {
    let path = folder.join(STATE_FILE);
    let seal_path = folder.join(SEAL_FILE);
    for (name, path) in [(STATE_FILE, &path), (SEAL_FILE, &seal_path)] {
        if !path.is_file() {
            let file = name.to_owned();
            return Err(unfit(CheckpointFault::MissingFile { file }, path));
        }
    }
    let content = fs::read(&path).map_err(io("cannot read the checkpoint", &path))?;
    let seal = fs::read(&seal_path).map_err(io("cannot read the checkpoint", &seal_path))?;
    let got = blake3::hash(&content).to_hex();
    if seal != format!("{got}  {STATE_FILE}\n").as_bytes() {
        let seal = String::from_utf8_lossy(&seal);
        let expected = seal.split_whitespace().next().unwrap_or_default();
        return Err(damaged(STATE_FILE, expected.escape_debug(), got, &path));
    }
    let malformed = |message: String| {
        let file = STATE_FILE.to_owned();
        unfit(CheckpointFault::Malformed { file, message }, &path)
    };
    let state: CheckpointState =
        serde_json::from_slice(&content).map_err(|error| malformed(error.to_string()))?;
    if state.format != FORMAT {
        return Err(malformed(format!(
            "its format is {}, expected {FORMAT}",
            state.format
        )));
    }
    Ok(state)
}

fn damaged(file: &str, expected: impl ToString, got: impl ToString, path: &Path) -> TrainError {
    let fault = CheckpointFault::Damaged {
        file: file.to_owned(),
        expected: expected.to_string(),
        got: got.to_string(),
    };
    unfit(fault, path)
}
