//! One stage: whether it has to run, and running it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::file::StageFile;
use super::missing;
use super::placeholders::Placeholders;
use crate::{atomic, checksum, process, usage};

/// A stage with all placeholders filled.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// The binary's arguments.
    pub args: Vec<String>,
    /// Files and folders it reads.
    pub inputs: Vec<PathBuf>,
    /// Files and folders it leaves.
    pub outputs: Vec<PathBuf>,
    /// The configuration's path and text.
    pub config: Option<(PathBuf, String)>,
}

/// Whether a stage has to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It ran with the same command, configuration, inputs and binary, and its outputs are there.
    Unchanged,
    /// It ran with others.
    Stale,
    /// It never ran to its end here.
    New,
}

/// What decides whether a stage has to run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// The binary's arguments.
    args: Vec<String>,
    /// Of the configuration.
    config_sha256: Option<String>,
    /// Of each input: path, content.
    inputs_sha256: Vec<(String, String)>,
    /// Of the binary.
    binary_sha256: String,
}

/// Where stages run.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The `scarce` binary.
    pub binary: PathBuf,
    /// Its sha256.
    pub binary_hash: String,
    /// The run folder.
    pub run: PathBuf,
}

/// Fills `stage`'s placeholders.
///
/// # Errors
/// [`crate::failure::Failure::Usage`] for an unknown one, or an output outside the run folder.
pub fn resolve(stage: &StageFile, placeholders: &Placeholders) -> Result<Stage> {
    let config = match &stage.config {
        Some(table) => {
            let filled = placeholders.fill_value(&toml::Value::Table(table.clone()))?;
            let path = placeholders
                .run()
                .join("configs")
                .join(format!("{}.toml", stage.name));
            Some((path, toml::to_string_pretty(&filled)?))
        }
        None => None,
    };
    let placeholders = match &config {
        Some((path, _)) => &placeholders.with_config(path),
        None => placeholders,
    };
    let paths = |texts: &[String]| {
        texts
            .iter()
            .map(|text| placeholders.fill(text).map(PathBuf::from))
            .collect::<Result<Vec<_>>>()
    };
    let outputs = paths(&stage.outputs)?;
    for output in &outputs {
        if output == placeholders.run() || !output.starts_with(placeholders.run()) {
            usage!(
                "stage `{}`: an output lies under {{run}}, not at {}",
                stage.name,
                output.display()
            );
        }
    }
    Ok(Stage {
        name: stage.name.clone(),
        args: stage
            .run
            .iter()
            .map(|text| placeholders.fill(text))
            .collect::<Result<_>>()?,
        inputs: paths(&stage.inputs)?,
        outputs,
        config,
    })
}

impl Engine {
    /// Whether `stage` has to run, and the digest to record if it does.
    ///
    /// # Errors
    /// [`crate::failure::Failure::Data`] for a missing input.
    pub fn state(&self, stage: &Stage) -> Result<(State, Digest)> {
        let mut inputs_sha256 = Vec::new();
        for input in &stage.inputs {
            if !input.exists() {
                return Err(missing(&stage.name, "input", input));
            }
            inputs_sha256.push((input.display().to_string(), checksum::of_tree(input)?));
        }
        let digest = Digest {
            args: stage.args.clone(),
            config_sha256: stage
                .config
                .as_ref()
                .map(|(_, text)| checksum::of_bytes(text.as_bytes())),
            inputs_sha256,
            binary_sha256: self.binary_hash.clone(),
        };
        let recorded = fs::read_to_string(self.record(stage)).ok();
        let state = match recorded.and_then(|text| serde_json::from_str::<Digest>(&text).ok()) {
            Some(recorded)
                if recorded == digest && stage.outputs.iter().all(|path| path.exists()) =>
            {
                State::Unchanged
            }
            Some(_) => State::Stale,
            None => State::New,
        };
        Ok((state, digest))
    }

    /// Runs `stage` and records `digest`.
    ///
    /// # Errors
    /// The stage's own exit code; [`crate::failure::Failure::Data`] if an output is missing afterwards.
    pub fn run(
        &self,
        stage: &Stage,
        state: State,
        digest: &Digest,
        command: &dyn Fn() -> Command,
    ) -> Result<()> {
        atomic::remove(&self.record(stage))?;
        // What an interrupted stage left is kept, so that it can resume.
        if state != State::New {
            for output in &stage.outputs {
                atomic::remove(output)?;
            }
        }
        if let Some((path, text)) = &stage.config {
            atomic::write(path, text)?;
        }
        for output in &stage.outputs {
            fs::create_dir_all(output.parent().unwrap_or(&self.run))?;
        }
        let mut command = command();
        command.args(&stage.args);
        process::finish(command, &format!("scarce {}", stage.args.join(" ")))?;
        for output in &stage.outputs {
            if !output.exists() {
                return Err(missing(&stage.name, "output", output));
            }
        }
        atomic::write(&self.record(stage), &serde_json::to_string_pretty(digest)?)
    }

    fn record(&self, stage: &Stage) -> PathBuf {
        self.run
            .join(".pipeline")
            .join(Path::new(&stage.name).with_extension("json"))
    }
}
