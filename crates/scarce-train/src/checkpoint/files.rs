//! Files that are there whole or not at all.

use std::fs;
use std::path::Path;

use crate::TrainError;

/// For `map_err`: an I/O error with what was attempted and where.
pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> TrainError {
    let path = path.to_owned();
    move |source| TrainError::Io { what, source, path }
}

/// Waits until a file's content, or a folder's entries, are on the disk.
pub(crate) fn sync(path: &Path) -> Result<(), TrainError> {
    fs::File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(io("cannot sync", path))
}

/// Writes beside `path` and renames: a kill leaves the old content or the new.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<(), TrainError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    fs::write(&temporary, content).map_err(io("cannot write", &temporary))?;
    sync(&temporary)?;
    fs::rename(&temporary, path).map_err(io("cannot rename", &temporary))
}

pub(super) fn remove_if_there(folder: &Path) -> Result<(), TrainError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(io("cannot remove", folder))?;
    }
    Ok(())
}

pub(super) fn blake3_hex(path: &Path) -> Result<String, TrainError> {
    let mut hasher = blake3::Hasher::new();
    fs::File::open(path)
        .and_then(|file| hasher.update_reader(file).map(|_| ()))
        .map_err(io("cannot read", path))?;
    Ok(hasher.finalize().to_hex().to_string())
}
