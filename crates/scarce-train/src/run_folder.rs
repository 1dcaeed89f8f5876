//! The folder a run writes: resolved configuration, manifest, metrics and checkpoints.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::TrainError;
use crate::checkpoint::{io, write_whole};

/// What to do with a run folder that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Refuse it.
    Refuse,
    /// Go on from its last checkpoint, or from the start where it was stopped before it had one.
    Resume,
    /// Go on from the checkpoint before the last, which is set aside as `checkpoints/unfit`.
    ResumePrevious,
    /// Empty it first.
    Overwrite,
}

/// What made a run: enough to repeat it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunManifest {
    /// The kind of training, such as `"pretrain"` or `"semi"`.
    pub kind: String,
    /// The seed.
    pub seed: u64,
    /// The device's name.
    pub device: String,
    /// libtorch's threads.
    pub threads: i32,
    /// Versions of what computed, by name.
    pub versions: std::collections::BTreeMap<String, String>,
    /// Inputs by role, as they were named.
    pub inputs: std::collections::BTreeMap<String, Vec<String>>,
}

/// An open run folder.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    metrics: File,
    existing: Existing,
    resolved_config: String,
    manifest: Vec<u8>,
    /// Whether a run had been started in it before.
    begun: bool,
}

impl RunFolder {
    /// Creates or opens `path` and writes `config.resolved.toml` and `manifest.json` into it; in a
    /// run that resumes they are replaced once its checkpoint is known to fit them.
    ///
    /// # Errors
    /// [`TrainError::RunExists`] for a folder that is not empty under [`Existing::Refuse`];
    /// [`TrainError::Io`].
    pub fn open(
        path: &Path,
        existing: Existing,
        resolved_config: &str,
        manifest: &RunManifest,
    ) -> Result<Self, TrainError> {
        let occupied = path.is_dir() && fs::read_dir(path).is_ok_and(|mut d| d.next().is_some());
        if occupied && existing == Existing::Refuse {
            return Err(TrainError::RunExists {
                path: path.to_owned(),
            });
        }
        if occupied && existing == Existing::Overwrite {
            fs::remove_dir_all(path).map_err(io("cannot empty the run folder", path))?;
        }
        fs::create_dir_all(path).map_err(io("cannot create the run folder", path))?;
        let begun = occupied && path.join("manifest.json").is_file();
        let metrics = path.join("metrics.jsonl");
        let metrics = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&metrics)
            .map_err(io("cannot open", &metrics))?;
        let run = Self {
            path: path.to_owned(),
            metrics,
            existing,
            resolved_config: resolved_config.to_owned(),
            manifest: serde_json::to_vec_pretty(manifest)?,
            begun,
        };
        if !run.resumes() {
            run.describe()?;
        }
        Ok(run)
    }

    /// Writes `config.resolved.toml` and `manifest.json`.
    pub(crate) fn describe(&self) -> Result<(), TrainError> {
        let config = self.path.join("config.resolved.toml");
        write_whole(&config, self.resolved_config.as_bytes())?;
        write_whole(&self.path.join("manifest.json"), &self.manifest)
    }

    /// The configuration, as it was given to [`Self::open`].
    pub(crate) fn resolved_config(&self) -> &str {
        &self.resolved_config
    }

    /// Whether a run had been started in the folder before it was opened.
    pub(crate) fn begun(&self) -> bool {
        self.begun
    }

    /// What was said about a folder that is not empty.
    pub(crate) fn existing(&self) -> Existing {
        self.existing
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the checkpoints lie.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Whether the run goes on from a checkpoint.
    pub fn resumes(&self) -> bool {
        matches!(self.existing, Existing::Resume | Existing::ResumePrevious)
    }

    /// Waits until the rows are on the disk: a checkpoint must not outlive the rows before it.
    ///
    /// # Errors
    /// [`TrainError::Io`], also when the file was removed while the run went on.
    pub(crate) fn sync_metrics(&self) -> Result<(), TrainError> {
        let path = self.path.join("metrics.jsonl");
        self.metrics
            .sync_data()
            .and_then(|()| fs::metadata(&path))
            .map(|_| ())
            .map_err(io("cannot keep the metrics", &path))
    }

    /// Appends one row of figures to `metrics.jsonl`.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn log(&mut self, step: u64, figures: &[(String, f64)]) -> Result<(), TrainError> {
        let mut row = Map::new();
        row.insert("step".to_owned(), step.into());
        for (name, value) in figures {
            row.insert(
                name.clone(),
                serde_json::Number::from_f64(*value).map_or(Value::Null, Value::Number),
            );
        }
        let line = format!("{}\n", Value::Object(row));
        self.metrics
            .write_all(line.as_bytes())
            .map_err(io("cannot write", &self.path.join("metrics.jsonl")))
    }

    /// Drops the rows from `step` on: a run that resumes writes them again.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub(crate) fn rewind_metrics(&mut self, step: u64) -> Result<(), TrainError> {
        let path = self.path.join("metrics.jsonl");
        let text = fs::read_to_string(&path).map_err(io("cannot read", &path))?;
        // Lines are kept as they are: a float that is parsed and printed again can change its last digit.
        let kept: Vec<&str> = text
            .split_inclusive('\n')
            .filter(|line| {
                let row: Option<Map<String, Value>> = serde_json::from_str(line).ok();
                row.and_then(|row| row.get("step")?.as_u64())
                    .is_some_and(|s| s < step)
            })
            .collect();
        if kept.len() as u64 != step {
            tracing::warn!(
                "{} has {} of the {step} rows before the checkpoint",
                path.display(),
                kept.len()
            );
        }
        write_whole(&path, kept.concat().as_bytes())?;
        self.metrics = OpenOptions::new()
            .append(true)
            .open(&path)
            .map_err(io("cannot open", &path))?;
        Ok(())
    }

    /// Writes `metrics.csv`, the rows of `metrics.jsonl` as one table; columns in order of their
    /// first appearance.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn write_csv(&self) -> Result<(), TrainError> {
        let rows = self.rows()?;
        let mut columns: Vec<&String> = Vec::new();
        for key in rows.iter().flat_map(Map::keys) {
            if !columns.contains(&key) {
                columns.push(key);
            }
        }
        let mut text = columns
            .iter()
            .map(|c| c.as_str())
            .collect::<Vec<_>>()
            .join(",");
        for row in &rows {
            text.push('\n');
            let cells: Vec<String> = columns
                .iter()
                .map(|c| match row.get(*c) {
                    None | Some(Value::Null) => String::new(),
                    Some(value) => value.to_string(),
                })
                .collect();
            text.push_str(&cells.join(","));
        }
        text.push('\n');
        let path = self.path.join("metrics.csv");
        write_whole(&path, text.as_bytes())
    }

    /// A JSON artefact of the run.
    ///
    /// # Errors
    /// [`TrainError::Io`] and [`TrainError::Json`].
    pub fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), TrainError> {
        let path = self.path.join(name);
        write_whole(&path, &serde_json::to_vec_pretty(value)?)
    }

    fn rows(&self) -> Result<Vec<Map<String, Value>>, TrainError> {
        let path = self.path.join("metrics.jsonl");
        let file = File::open(&path).map_err(io("cannot open", &path))?;
        let mut rows = Vec::new();
        for line in BufReader::new(file).lines() {
            let line = line.map_err(io("cannot read", &path))?;
            // A kill can leave half a last line; its step will be done again.
            if let Ok(Value::Object(row)) = serde_json::from_str(&line) {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}
