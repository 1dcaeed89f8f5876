//! What a pipeline file says.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::failure::Failure;
use crate::{nearest, usage};

/// A pipeline: stages in order, on the data they need.
#[derive(Debug, Clone, Deserialize)]
pub struct PipelineFile {
    /// One line that says what comes out.
    #[serde(default)]
    pub title: String,
    /// Data sets fetched first.
    #[serde(default)]
    pub data: Vec<String>,
    /// Placeholders of the file's own, which `--set NAME=VALUE` overrides. `run` is the run folder's
    /// name under `runs/`, or its path.
    #[serde(default)]
    pub set: toml::Table,
    /// The file a user wants to look at in the end.
    #[serde(default)]
    pub result: Option<String>,
    /// The stages.
    #[serde(rename = "stage")]
    pub stages: Vec<StageFile>,
}

/// One call of the `scarce` binary.
#[derive(Debug, Clone, Deserialize)]
pub struct StageFile {
    /// Unique in the file; letters, digits, `-`, `_`.
    pub name: String,
    /// The binary's arguments.
    pub run: Vec<String>,
    /// Files and folders whose content decides whether the stage has to run again.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// What it leaves behind, all under the run folder.
    #[serde(default)]
    pub outputs: Vec<String>,
    /// Written to the file that `{config}` names.
    #[serde(default)]
    pub config: Option<toml::Table>,
}

const FILE_KEYS: [&str; 5] = ["title", "data", "set", "result", "stage"];
const STAGE_KEYS: [&str; 5] = ["name", "run", "inputs", "outputs", "config"];

impl PipelineFile {
    /// Reads the pipeline at `path`.
    ///
    /// # Errors
    /// [`Failure::Usage`] that names the key, or the line and column.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let context = || format!("not a pipeline: {}", path.display());
        let table: toml::Table = text
            .parse()
            .map_err(|e| Failure::Usage(format!("{e}")))
            .with_context(context)?;
        known_keys(&table, &FILE_KEYS, "").with_context(context)?;
        let stages = table
            .get("stage")
            .and_then(toml::Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        for (index, stage) in stages.iter().filter_map(toml::Value::as_table).enumerate() {
            let name = stage.get("name").and_then(toml::Value::as_str);
            let place = name.map_or_else(
                || format!(" of stage {}", index + 1),
                |name| format!(" of stage `{name}`"),
            );
            known_keys(stage, &STAGE_KEYS, &place).with_context(context)?;
        }
        let file: Self = toml::from_str(text)
            .map_err(|e| Failure::Usage(format!("{e}")))
            .with_context(context)?;
        file.check().with_context(context)?;
        Ok(file)
    }

    fn check(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for stage in &self.stages {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if stage.name.is_empty() || !stage.name.chars().all(fits) {
                usage!(
                    "a stage's name is letters, digits, `-` and `_`, got `{}`",
                    stage.name
                );
            }
            if !seen.insert(stage.name.as_str()) {
                usage!("two stages are called `{}`", stage.name);
            }
            if stage.run.is_empty() {
                usage!("stage `{}` runs nothing", stage.name);
            }
            if stage.outputs.is_empty() {
                usage!("stage `{}` names no outputs", stage.name);
            }
        }
        Ok(())
    }
}

fn known_keys(table: &toml::Table, known: &[&str], place: &str) -> Result<()> {
    for key in table.keys() {
        if !known.contains(&key.as_str()) {
            usage!(
                "unknown key `{key}`{place}{}",
                nearest::hint(key, known.iter().copied())
            );
        }
    }
    Ok(())
}
