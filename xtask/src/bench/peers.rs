//! `bench --peers`: the same job by another library, beside ours.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::pipeline;
use crate::python::Python;
use crate::workspace::Workspace;
use crate::{atomic, nearest, process, usage};

/// The line of a peer's script that names what pip has to install, exact versions only.
const REQUIRES: &str = "# requires:";

/// Examples that stand for our side where no verb does one thing alone; scripts find them beside the binary.
const PARTNERS: [(&str, &str); 3] = [
    ("scarce-image", "duel"),
    ("scarce-io", "read_each"),
    ("scarce-train", "train_step"),
];

/// Runs `benches/peers/SUBJECT.py`, or all of them. Each script first asserts that both sides have
/// the same result, then prints both times and their ratio.
///
/// # Errors
/// [`crate::failure::Failure::Usage`] for an unknown subject; the script's own exit code.
pub fn peers(workspace: &Workspace, subject: Option<&str>) -> Result<()> {
    let folder = workspace.root().join("benches/peers");
    let mut scripts: Vec<PathBuf> = fs::read_dir(&folder)
        .with_context(|| format!("can't list {}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    scripts.sort();
    if let Some(subject) = subject {
        let names: Vec<String> = scripts
            .iter()
            .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
            .collect();
        if !names.iter().any(|name| name == subject) {
            usage!(
                "no peer for `{subject}`{}",
                nearest::hint(subject, names.iter().map(String::as_str))
            );
        }
        scripts.retain(|path| path.file_stem().is_some_and(|stem| stem == subject));
    }
    let python = Python::find()?;
    let scarce = pipeline::build_scarce(workspace)?;
    let sh = Shell::new()?;
    sh.change_dir(workspace.root());
    for (package, example) in PARTNERS {
        process::run(cmd!(
            sh,
            "cargo build --quiet --release --package {package} --example {example}"
        ))?;
    }
    for script in scripts {
        let packages = install(workspace, &python, &script)?;
        let program = &python.program;
        let ours = &scarce;
        process::run(
            cmd!(sh, "{program} {script} {ours}")
                .env("PYTHONPATH", &packages)
                .env("ORT_DYLIB_PATH", workspace.onnxruntime_library()),
        )?;
    }
    Ok(())
}

/// The folder with what `script` requires, installed if it is not there yet.
///
/// # Errors
/// A script that cannot be read; pip's failure.
pub fn install(workspace: &Workspace, python: &Python, script: &Path) -> Result<PathBuf> {
    let text =
        fs::read_to_string(script).with_context(|| format!("can't read {}", script.display()))?;
    let requires = text
        .lines()
        .find_map(|line| line.strip_prefix(REQUIRES))
        .unwrap_or_default()
        .trim();
    let folder = workspace
        .target()
        .join("peers")
        .join(script.file_stem().unwrap_or_default());
    let stamp = folder.join(".scarce-stamp");
    let expected = format!("{} {requires}\n", python.version);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == expected) {
        return Ok(folder);
    }
    let building = atomic::begin(&folder)?;
    let mut args: Vec<String> = ["install", "--quiet", "--no-cache-dir", "--target"]
        .map(String::from)
        .into();
    args.push(building.display().to_string());
    args.extend(requires.split_whitespace().map(String::from));
    python.pip(&args, &workspace.target().join("peers/tmp"), None)?;
    fs::write(building.join(".scarce-stamp"), expected)?;
    atomic::swap_in(&building, &folder)?;
    Ok(folder)
}
