//! Folders that are either whole or not there: built beside their place, then renamed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What was done to a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was there.
    Present,
    /// It was not, and is now.
    Made,
    /// Another one was there.
    Replaced,
}

impl Outcome {
    /// For the user.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Present => "is",
            Outcome::Made => "laid out",
            Outcome::Replaced => "replaced",
        }
    }
}

/// An empty folder beside `folder` to build in.
///
/// # Errors
/// It can't be made, or an earlier one can't be removed.
pub fn begin(folder: &Path) -> Result<PathBuf> {
    let building = sibling(folder, "building");
    remove(&building)?;
    fs::create_dir_all(&building).with_context(|| format!("can't make {}", building.display()))?;
    Ok(building)
}

/// Puts `building` in the place of `folder`.
///
/// # Errors
/// A rename fails.
pub fn swap_in(building: &Path, folder: &Path) -> Result<Outcome> {
    let replaced = fs::symlink_metadata(folder).is_ok();
    let old = sibling(folder, "old");
    remove(&old)?;
    if replaced {
        fs::rename(folder, &old)?;
    }
    fs::rename(building, folder)
        .with_context(|| format!("can't move {} to {}", building.display(), folder.display()))?;
    remove(&old)?;
    Ok(if replaced {
        Outcome::Replaced
    } else {
        Outcome::Made
    })
}

/// A path beside `folder`, on the same file system.
pub fn sibling(folder: &Path, suffix: &str) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    folder.with_file_name(name)
}

/// Removes a file, a folder or a link, whichever `path` is; a missing one is fine.
///
/// # Errors
/// It is there and can't be removed.
pub fn remove(path: &Path) -> Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let removed = if found.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.with_context(|| format!("can't remove {}", path.display()))
}

/// Writes `content` to `path` in one step.
///
/// # Errors
/// The file can't be written.
pub fn write(path: &Path, content: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("can't make {}", parent.display()))?;
    }
    let building = sibling(path, "tmp");
    fs::write(&building, content).with_context(|| format!("can't write {}", building.display()))?;
    fs::rename(&building, path).with_context(|| format!("can't write {}", path.display()))
}

/// Makes a symbolic link at `link` that says `to`.
///
/// # Errors
/// The file system has none.
pub fn make_link(to: &Path, link: &Path) -> Result<()> {
    if let Some(parent) = link.parent() {
        fs::create_dir_all(parent)?;
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(to, link)
        .with_context(|| format!("can't link {}", link.display()))?;
    #[cfg(not(unix))]
    fs::copy(link.parent().unwrap_or(Path::new(".")).join(to), link)
        .with_context(|| format!("can't copy to {}", link.display()))?;
    Ok(())
}
