//! `pipeline FILE.toml`: stages of the `scarce` binary in order, skipping what has not changed.

pub mod file;
pub mod placeholders;
pub mod stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::failure::Failure;
use crate::workspace::Workspace;
use crate::{bad_data, checksum, data, nearest, process, setup, usage};
use file::PipelineFile;
use placeholders::Placeholders;
use stage::{Engine, State};

/// Which stages to run, and with what.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Run stages whose inputs have not changed, too.
    pub force: bool,
    /// Only this stage.
    pub only: Option<String>,
    /// This stage and those after it.
    pub from: Option<String>,
    /// `NAME=VALUE`, for placeholders.
    pub set: Vec<String>,
}

/// Runs the pipeline at `path`. Returns the result the file names, if it names one.
///
/// # Errors
/// [`Failure::Usage`] for a file that is not a pipeline; [`Failure::Data`] for a missing input or output; a
/// failing stage's own exit code.
pub fn pipeline(workspace: &Workspace, path: &Path, options: &Options) -> Result<Option<PathBuf>> {
    let Ok(text) = fs::read_to_string(path) else {
        usage!("can't read the pipeline {}", path.display());
    };
    let file = PipelineFile::parse(&text, path)?;
    let placeholders = Placeholders::new(workspace, &file, &options.set)?;
    // All of a file's mistakes are found before the first stage costs time.
    let stages = file
        .stages
        .iter()
        .map(|stage| {
            stage::resolve(stage, &placeholders).with_context(|| path.display().to_string())
        })
        .collect::<Result<Vec<_>>>()?;
    let result = file
        .result
        .as_ref()
        .map(|result| placeholders.fill(result))
        .transpose()?;
    let chosen = choose(&file, options)?;

    data::fetch(workspace, &file.data)?;
    let scarce = build_scarce(workspace)?;
    let engine = Engine {
        binary_hash: hash_of_programs(&scarce)?,
        binary: scarce,
        run: placeholders.run().to_path_buf(),
    };
    let width = stages
        .iter()
        .map(|stage| stage.name.len())
        .max()
        .unwrap_or(0);
    for (stage, _) in stages.iter().zip(chosen).filter(|(_, chosen)| *chosen) {
        let start = Instant::now();
        let (state, digest) = engine.state(stage)?;
        if state == State::Unchanged && !options.force {
            println!("{:<width$}  unchanged", stage.name);
            continue;
        }
        engine.run(stage, state, &digest, &command(workspace, &engine.binary))?;
        println!(
            "{:<width$}  done, {:.1} s",
            stage.name,
            start.elapsed().as_secs_f64()
        );
    }
    Ok(result.map(PathBuf::from))
}

/// One flag a stage: whether the options ask for it.
fn choose(file: &PipelineFile, options: &Options) -> Result<Vec<bool>> {
    let names: Vec<&str> = file
        .stages
        .iter()
        .map(|stage| stage.name.as_str())
        .collect();
    let position = |wanted: &str| -> Result<usize> {
        match names.iter().position(|name| *name == wanted) {
            Some(index) => Ok(index),
            None => usage!(
                "no stage `{wanted}`{}",
                nearest::hint(wanted, names.iter().copied())
            ),
        }
    };
    let only = options.only.as_deref().map(position).transpose()?;
    let from = options.from.as_deref().map(position).transpose()?;
    Ok((0..names.len())
        .map(|index| only.is_none_or(|only| index == only) && from.is_none_or(|from| index >= from))
        .collect())
}

/// The `scarce` binary, built for speed and with its libraries in place.
///
/// # Errors
/// As [`setup::ensure`]; cargo's own exit code.
pub fn build_scarce(workspace: &Workspace) -> Result<PathBuf> {
    setup::ensure(workspace)?;
    let sh = Shell::new()?;
    sh.change_dir(workspace.root());
    // The binary finds libtorch relative to its own place.
    process::run(
        cmd!(sh, "cargo build --release --package scarce").env_remove("CARGO_TARGET_DIR"),
    )?;
    let binary = workspace
        .target()
        .join("release")
        .join(format!("scarce{}", std::env::consts::EXE_SUFFIX));
    if !binary.is_file() {
        bad_data!("cargo built no {}", binary.display());
    }
    Ok(binary)
}

/// One hash over `scarce` and the program beside it that it becomes for networks.
fn hash_of_programs(scarce: &Path) -> Result<String> {
    let torch = scarce.with_file_name(format!("scarce-torch{}", std::env::consts::EXE_SUFFIX));
    let hashes = checksum::of_file(scarce)? + &checksum::of_file(&torch)?;
    Ok(checksum::of_reader(hashes.as_bytes())?)
}

/// The binary in the environment it needs.
fn command(workspace: &Workspace, binary: &Path) -> impl Fn() -> Command {
    let (root, binary, library) = (
        workspace.root().to_path_buf(),
        binary.to_path_buf(),
        workspace.onnxruntime_library(),
    );
    move || {
        let mut command = Command::new(&binary);
        command.current_dir(&root);
        for (variable, value) in [
            ("OMP_WAIT_POLICY", "PASSIVE".into()),
            ("ORT_DYLIB_PATH", library.clone().into_os_string()),
        ] {
            if std::env::var_os(variable).is_none() {
                command.env(variable, value);
            }
        }
        command
    }
}

/// What a missing thing is to the user.
pub(crate) fn missing(stage: &str, role: &str, path: &Path) -> anyhow::Error {
    Failure::Data(format!("stage `{stage}`: no {role} {}", path.display())).into()
}
