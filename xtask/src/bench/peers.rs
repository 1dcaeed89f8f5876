//! `bench --peers`: the same job by another library, beside ours.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use super::duels::{self, Duel, Subject};
use crate::failure::Failure;
use crate::pipeline;
use crate::python::Python;
use crate::workspace::Workspace;
use crate::{atomic, checksum, data, nearest, process, usage};

/// The line of a peer's script that names what pip has to install, exact versions only.
const REQUIRES: &str = "# requires:";

/// The line that names the examples which stand for our side where no verb does one thing alone, as
/// `package/example`; scripts find them beside the binary.
const BUILDS: &str = "# builds:";

/// The line that names the data sets that a script reads, as `data fetch` has them.
const DATA: &str = "# data:";

/// Runs `benches/peers/SUBJECT.py`, or the scripts of a folder of that name, or all of them. Each
/// first asserts that both sides have the same result, then tells both times. With `save`, the times
/// go to `benches/results/NAME.json`.
///
/// # Errors
/// [`Failure::Usage`] for an unknown subject; a script's own exit code.
pub fn peers(workspace: &Workspace, subject: Option<&str>, save: Option<&str>) -> Result<()> {
    let mut subjects = scripts(&workspace.root().join("benches/peers"))?;
    if let Some(subject) = subject {
        if !subjects.contains_key(subject) {
            usage!(
                "no peer for `{subject}`{}",
                nearest::hint(subject, subjects.keys().map(String::as_str))
            );
        }
        subjects.retain(|name, _| name == subject);
    }
    let python = Python::find()?;
    let scarce = pipeline::build_scarce(workspace)?;
    let mut measured = BTreeMap::new();
    for (subject, scripts) in subjects {
        let mut found = Vec::new();
        let mut required = Vec::new();
        for script in scripts {
            build_partners(workspace, &script)?;
            let sets: Vec<String> = line_after(&script, DATA)?
                .split_whitespace()
                .map(String::from)
                .collect();
            if !sets.is_empty() {
                data::fetch(workspace, &sets)?;
            }
            found.extend(run(workspace, &python, &scarce, &script)?);
            required.push(line_after(&script, REQUIRES)?);
        }
        let required = required.iter().flat_map(|line| line.split_whitespace());
        measured.insert(subject, Subject::new(found, required)?);
    }
    if let Some(name) = save {
        let path = workspace
            .root()
            .join(format!("benches/results/{name}.json"));
        duels::save(&path, measured)?;
        println!("figures: {}", workspace.relative(&path));
    }
    Ok(())
}

/// The scripts of each subject: one file, or a folder of them.
fn scripts(folder: &Path) -> Result<BTreeMap<String, Vec<PathBuf>>> {
    let mut subjects = BTreeMap::new();
    for path in python_files_and_folders(folder)? {
        let name = path.file_stem().unwrap_or_default();
        let scripts = if path.is_dir() {
            python_files_and_folders(&path)?
        } else {
            vec![path.clone()]
        };
        subjects.insert(name.to_string_lossy().into_owned(), scripts);
    }
    Ok(subjects)
}

fn python_files_and_folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("can't list {}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            // Python leaves `__pycache__` where a script was imported.
            let hidden = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('_'));
            !hidden && (path.is_dir() || path.extension().is_some_and(|ending| ending == "py"))
        })
        .collect();
    paths.sort();
    Ok(paths)
}

fn build_partners(workspace: &Workspace, script: &Path) -> Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(workspace.root());
    for partner in line_after(script, BUILDS)?.split_whitespace() {
        let Some((package, example)) = partner.split_once('/') else {
            usage!(
                "`{BUILDS} {partner}`: expected package/example: {}",
                script.display()
            );
        };
        process::run(cmd!(
            sh,
            "cargo build --quiet --release --package {package} --example {example}"
        ))?;
    }
    Ok(())
}

/// Runs one script, showing each duel as it ends.
fn run(workspace: &Workspace, python: &Python, scarce: &Path, script: &Path) -> Result<Vec<Duel>> {
    let packages = install(workspace, python, script)?;
    let shown = format!("{} {}", python.program, workspace.relative(script));
    eprintln!("$ {shown}");
    let mut child = Command::new(&python.program)
        .args([script, scarce])
        .env("PYTHONPATH", &packages)
        .env("ORT_DYLIB_PATH", workspace.onnxruntime_library())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| Failure::Environment(format!("can't start `{shown}`: {e}")))?;
    let mut duels = Vec::new();
    for line in child
        .stdout
        .take()
        .map(BufReader::new)
        .into_iter()
        .flat_map(BufReader::lines)
    {
        let line = line.with_context(|| format!("can't read what `{shown}` prints"))?;
        match Duel::from_line(&line)? {
            Some(duel) => {
                println!("{}", duel.shown());
                duels.push(duel);
            }
            None => println!("{line}"),
        }
    }
    process::succeeded(child.wait()?, &shown)?;
    Ok(duels)
}

/// What stands behind `key` in a script; empty where nothing does.
fn line_after(script: &Path, key: &str) -> Result<String> {
    let text =
        fs::read_to_string(script).with_context(|| format!("can't read {}", script.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    Ok(line.unwrap_or_default().trim().to_owned())
}

/// The folder with what `script` requires, installed if it is not there yet. Scripts that require
/// the same share it.
///
/// # Errors
/// A script that cannot be read; pip's failure.
pub fn install(workspace: &Workspace, python: &Python, script: &Path) -> Result<PathBuf> {
    let requires = line_after(script, REQUIRES)?;
    let identity = checksum::of_bytes(format!("{} {requires}", python.version).as_bytes());
    let folder = workspace.target().join("peers").join(&identity[..12]);
    if folder.is_dir() {
        return Ok(folder);
    }
    let building = atomic::begin(&folder)?;
    let mut args: Vec<String> = ["install", "--quiet", "--no-cache-dir", "--target"]
        .map(String::from)
        .into();
    args.push(building.display().to_string());
    args.extend(requires.split_whitespace().map(String::from));
    python.pip(&args, &workspace.target().join("peers/tmp"), None)?;
    atomic::swap_in(&building, &folder)?;
    Ok(folder)
}
