//! Writing a checkpoint so that a kill at any moment leaves a whole one.

use std::fs;
use std::path::{Path, PathBuf};

use tch::Tensor;

use super::files::{blake3_hex, io, remove_if_there, sync};
use super::{Checkpoint, SEAL_FILE, STATE_FILE};
use crate::TrainError;

/// Moments of saving; after each of them a kill must do no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SavePhase {
    /// The temporary folder is empty.
    Begun,
    /// One more file is written, but not yet known to be on the disk.
    Written,
    /// One more file is on the disk.
    Synced,
    /// The temporary folder is whole and on the disk.
    Sealed,
    /// The oldest checkpoint has another name.
    OldestAside,
    /// The latest checkpoint has become the one before; there is no latest.
    LatestAside,
    /// The new one is the latest.
    Renamed,
    /// The renames are on the disk.
    RenamesSynced,
    /// The oldest checkpoint is gone.
    OldestRemoved,
}

/// Called after each phase; an error stops the saving there, as a kill would.
pub(super) type Observer<'a> = &'a mut dyn FnMut(SavePhase) -> Result<(), TrainError>;

impl Checkpoint {
    /// Writes to `folder/last`. It is written beside under a temporary name, fsynced and renamed;
    /// the one that was there becomes `folder/previous`. Groups without tensors get no file.
    ///
    /// A kill at any moment leaves at least one of the two whole, and [`Self::load`] finds it.
    ///
    /// # Errors
    /// [`TrainError::Io`] and [`TrainError::Torch`]; an older checkpoint is then still whole.
    pub fn save(self, folder: &Path) -> Result<(), TrainError> {
        self.save_observed(folder, &mut |_| Ok(()))
    }

    /// Writes to `folder/best`, in place of the best so far.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub fn save_best(self, folder: &Path) -> Result<(), TrainError> {
        let older = folder.join(".best.old");
        self.replace(&folder.join("best"), &older, &mut |_| Ok(()))?;
        remove_if_there(&older)
    }

    pub(super) fn save_observed(
        self,
        folder: &Path,
        observer: Observer<'_>,
    ) -> Result<(), TrainError> {
        self.replace(&folder.join("last"), &folder.join("previous"), observer)
    }

    /// Puts this checkpoint at `latest`, moves what was there to `before`, removes what was there.
    fn replace(
        self,
        latest: &Path,
        before: &Path,
        observer: Observer<'_>,
    ) -> Result<(), TrainError> {
        let temporary = hidden(latest, "tmp");
        let oldest = hidden(before, "oldest");
        remove_if_there(&temporary)?;
        remove_if_there(&oldest)?;
        self.write(&temporary, observer)?;
        observer(SavePhase::Sealed)?;
        if latest.exists() {
            if before.exists() {
                rename(before, &oldest)?;
                observer(SavePhase::OldestAside)?;
            }
            rename(latest, before)?;
            observer(SavePhase::LatestAside)?;
        }
        rename(&temporary, latest)?;
        observer(SavePhase::Renamed)?;
        if let Some(folder) = latest.parent() {
            sync(folder)?;
        }
        observer(SavePhase::RenamesSynced)?;
        remove_if_there(&oldest)?;
        observer(SavePhase::OldestRemoved)
    }

    fn write(mut self, folder: &Path, observer: Observer<'_>) -> Result<(), TrainError> {
        fs::create_dir_all(folder).map_err(io("cannot create", folder))?;
        observer(SavePhase::Begun)?;
        self.state.blake3.clear();
        for (group, tensors) in &self.groups {
            if tensors.is_empty() {
                continue;
            }
            let name = format!("{group}.safetensors");
            let path = folder.join(&name);
            let tensors: Vec<(&str, Tensor)> = tensors
                .iter()
                .map(|(name, tensor)| (name.as_str(), tensor.detach().contiguous()))
                .collect();
            Tensor::write_safetensors(&tensors, &path)?;
            observer(SavePhase::Written)?;
            sync(&path)?;
            observer(SavePhase::Synced)?;
            self.state.blake3.insert(name, blake3_hex(&path)?);
        }
        let state = serde_json::to_vec_pretty(&self.state)?;
        // As `b3sum` writes it and checks it.
        let seal = format!("{}  {STATE_FILE}\n", blake3::hash(&state).to_hex());
        for (name, content) in [(STATE_FILE, state.as_slice()), (SEAL_FILE, seal.as_bytes())] {
            let path = folder.join(name);
            fs::write(&path, content).map_err(io("cannot write", &path))?;
            observer(SavePhase::Written)?;
            sync(&path)?;
            observer(SavePhase::Synced)?;
        }
        sync(folder)
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), TrainError> {
    fs::rename(from, to).map_err(io("cannot rename", from))
}

/// `.name.suffix` beside `path`.
fn hidden(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{}.{suffix}", name.trim_start_matches('.')))
}
