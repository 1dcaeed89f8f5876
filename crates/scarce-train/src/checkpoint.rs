//! A checkpoint is one folder: tensors as safetensors, the rest as JSON, each file with its hash.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::TrainError;

const STATE_FILE: &str = "state.json";

/// Where a run stood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointState {
    /// Steps done.
    pub step: u64,
    /// The seed of the run.
    pub seed: u64,
    /// Threads libtorch used; another count may round differently.
    pub threads: i32,
    /// BLAKE3 of each tensor file, by name.
    pub blake3: BTreeMap<String, String>,
}

/// A checkpoint in memory: groups of named tensors (`weights`, `optimizer`, …) and the state.
#[derive(Debug)]
pub struct Checkpoint {
    /// Tensors by group; each group is a file `<group>.safetensors`.
    pub groups: BTreeMap<String, Vec<(String, Tensor)>>,
    /// Where the run stood.
    pub state: CheckpointState,
}

impl Checkpoint {
    /// Writes to `folder/last`. It is written beside under a temporary name, fsynced and renamed;
    /// the one that was there becomes `folder/previous`. Groups without tensors get no file.
    ///
    /// # Errors
    /// [`TrainError::Io`] and [`TrainError::Torch`]; an older checkpoint is then still whole.
    pub fn save(mut self, folder: &Path) -> Result<(), TrainError> {
        let temporary = folder.join(".last.tmp");
        let (last, previous) = (folder.join("last"), folder.join("previous"));
        remove_if_there(&temporary)?;
        fs::create_dir_all(&temporary).map_err(io("cannot create", &temporary))?;
        for (group, tensors) in &self.groups {
            if tensors.is_empty() {
                continue;
            }
            let name = format!("{group}.safetensors");
            let path = temporary.join(&name);
            let tensors: Vec<(String, Tensor)> = tensors
                .iter()
                .map(|(name, tensor)| (name.clone(), tensor.detach().contiguous()))
                .collect();
            Tensor::write_safetensors(&tensors, &path)?;
            sync(&path)?;
            self.state.blake3.insert(name, blake3_hex(&path)?);
        }
        let state_path = temporary.join(STATE_FILE);
        fs::write(&state_path, serde_json::to_vec_pretty(&self.state)?)
            .map_err(io("cannot write", &state_path))?;
        sync(&state_path)?;
        if last.exists() {
            remove_if_there(&previous)?;
            fs::rename(&last, &previous).map_err(io("cannot rename", &last))?;
        }
        fs::rename(&temporary, &last).map_err(io("cannot rename", &temporary))?;
        sync(folder)
    }

    /// Reads a checkpoint: `path` itself, or in a `checkpoints` folder `last`, or `previous` where
    /// a kill between two renames left no `last`.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] when a file is missing or its hash differs; nothing is half-read.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        let folder = Self::locate(path)?;
        let state_path = folder.join(STATE_FILE);
        let text = fs::read_to_string(&state_path)
            .map_err(io("cannot read the checkpoint", &state_path))?;
        let state: CheckpointState =
            serde_json::from_str(&text).map_err(|error| TrainError::Checkpoint {
                message: error.to_string(),
                path: state_path.clone(),
            })?;
        let mut groups = BTreeMap::new();
        for (name, expected) in &state.blake3 {
            let file = folder.join(name);
            let got = blake3_hex(&file)?;
            if got != *expected {
                return Err(TrainError::Checkpoint {
                    message: format!("BLAKE3 is {got}, expected {expected}"),
                    path: file,
                });
            }
            let group = name.trim_end_matches(".safetensors").to_owned();
            groups.insert(group, Tensor::read_safetensors(&file)?);
        }
        Ok(Self { groups, state })
    }

    /// The tensors of one group.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] when the checkpoint has no such group.
    pub fn group(&self, name: &str) -> Result<&[(String, Tensor)], TrainError> {
        self.groups
            .get(name)
            .map(Vec::as_slice)
            .ok_or_else(|| TrainError::Checkpoint {
                message: format!("has no group `{name}`"),
                path: PathBuf::from("checkpoint"),
            })
    }

    fn locate(path: &Path) -> Result<PathBuf, TrainError> {
        [path.to_owned(), path.join("last"), path.join("previous")]
            .into_iter()
            .find(|folder| folder.join(STATE_FILE).is_file())
            .ok_or_else(|| TrainError::Checkpoint {
                message: format!("no {STATE_FILE} in it, nor in its `last` or `previous`"),
                path: path.to_owned(),
            })
    }
}

/// Copies `source` into `variables` by name. `prefix` is stripped from the source's names first,
/// and names without it are left out.
///
/// # Errors
/// [`TrainError::Checkpoint`] listing what is missing, left over or of another shape; nothing is
/// copied then.
pub fn load_variables(
    variables: &[(String, Tensor)],
    source: &[(String, Tensor)],
    prefix: &str,
) -> Result<(), TrainError> {
    let source: BTreeMap<&str, &Tensor> = source
        .iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)))
        .collect();
    let mut faults = Vec::new();
    for (name, variable) in variables {
        match source.get(name.as_str()) {
            None => faults.push(format!("{name} is missing")),
            Some(tensor) if tensor.size() != variable.size() => faults.push(format!(
                "{name} has shape {:?}, expected {:?}",
                tensor.size(),
                variable.size()
            )),
            Some(_) => {}
        }
    }
    let known: std::collections::BTreeSet<&str> =
        variables.iter().map(|(name, _)| name.as_str()).collect();
    faults.extend(
        source
            .keys()
            .filter(|name| !known.contains(*name))
            .map(|n| format!("{n} is left over")),
    );
    if !faults.is_empty() {
        let more = faults.len().saturating_sub(5);
        faults.truncate(5);
        return Err(TrainError::Checkpoint {
            message: format!("{} and {more} more", faults.join(", ")),
            path: PathBuf::from(format!("{prefix}*")),
        });
    }
    let _guard = tch::no_grad_guard();
    for (name, variable) in variables {
        if let Some(tensor) = source.get(name.as_str()) {
            variable.shallow_clone().f_copy_(tensor)?;
        }
    }
    Ok(())
}

fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> TrainError {
    let path = path.to_owned();
    move |source| TrainError::Io { what, source, path }
}

fn remove_if_there(folder: &Path) -> Result<(), TrainError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(io("cannot remove", folder))?;
    }
    Ok(())
}

fn sync(path: &Path) -> Result<(), TrainError> {
    fs::File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(io("cannot sync", path))
}

fn blake3_hex(path: &Path) -> Result<String, TrainError> {
    let mut hasher = blake3::Hasher::new();
    fs::File::open(path)
        .and_then(|file| hasher.update_reader(file).map(|_| ()))
        .map_err(io("cannot read", path))?;
    Ok(hasher.finalize().to_hex().to_string())
}
