//! Libraries the user already has: checked, never downloaded again.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::versions::Versions;
use crate::atomic::{Outcome, make_link, remove, sibling, swap_in};
use crate::bad_environment;
use crate::workspace::Workspace;

/// If `LIBTORCH` names a library of the user's own, makes `target/libtorch` point to it, so that
/// the binaries find it at run time too.
///
/// # Errors
/// [`crate::failure::Failure::Environment`] if it holds no library, or one of another version.
pub fn libtorch(workspace: &Workspace, versions: &Versions) -> Result<Option<Outcome>> {
    let Some(own) = users_own("LIBTORCH", &workspace.libtorch()) else {
        return Ok(None);
    };
    check_libtorch(&own, versions.version("libtorch")?)?;
    let folder = workspace.libtorch();
    if fs::read_link(&folder).is_ok_and(|to| to == own) {
        return Ok(Some(Outcome::Present));
    }
    let building = sibling(&folder, "building");
    remove(&building)?;
    make_link(&own, &building)?;
    swap_in(&building, &folder).map(Some)
}

/// If `ORT_DYLIB_PATH` names a library of the user's own, that one is used as it is.
///
/// # Errors
/// [`crate::failure::Failure::Environment`] if there is no such file.
pub fn onnxruntime(workspace: &Workspace) -> Result<Option<Outcome>> {
    let Some(own) = users_own("ORT_DYLIB_PATH", &workspace.onnxruntime_library()) else {
        return Ok(None);
    };
    if !own.is_file() {
        bad_environment!("ORT_DYLIB_PATH names no file: {}", own.display());
    }
    Ok(Some(Outcome::Present))
}

/// The variable's value, unless it is `default`, which `.cargo/config.toml` sets for every command.
pub fn users_own(variable: &str, default: &Path) -> Option<PathBuf> {
    let value = PathBuf::from(env::var_os(variable).filter(|value| !value.is_empty())?);
    let is_default = match (value.canonicalize(), default.canonicalize()) {
        (Ok(value), Ok(default)) => value == default,
        _ => value == default,
    };
    (!is_default).then_some(value)
}

/// Whether the folder `own` is a libtorch of `version`.
///
/// # Errors
/// [`crate::failure::Failure::Environment`] that says what is missing or differs.
pub fn check_libtorch(own: &Path, version: &str) -> Result<()> {
    let library = ["so", "dylib"].map(|suffix| own.join(format!("lib/libtorch_cpu.{suffix}")));
    if !library.iter().any(|path| path.is_file()) {
        bad_environment!("LIBTORCH holds no lib/libtorch_cpu.so: {}", own.display());
    }
    let Some(found) = version_of(own) else {
        bad_environment!(
            "LIBTORCH holds neither build-version nor version.py, expected version {version}: {}",
            own.display()
        );
    };
    let bare = found.split('+').next().unwrap_or(&found);
    if bare != version {
        bad_environment!(
            "LIBTORCH has another version: expected {version}, got {found}: {}",
            own.display()
        );
    }
    Ok(())
}

/// The version of the libtorch in `folder`: the archive's `build-version`, else the wheel's `version.py`.
pub fn version_of(folder: &Path) -> Option<String> {
    if let Ok(text) = fs::read_to_string(folder.join("build-version")) {
        return Some(text.trim().to_owned());
    }
    let text = fs::read_to_string(folder.join("version.py")).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("__version__ = "))?;
    Some(line.trim_matches(['\'', '"']).to_owned())
}
