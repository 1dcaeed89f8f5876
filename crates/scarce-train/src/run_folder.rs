//! The folder a run writes: resolved configuration, manifest, metrics and checkpoints.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::TrainError;

/// What to do with a run folder that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Refuse it.
    Refuse,
    /// Go on from its last checkpoint.
    Resume,
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
}

impl RunFolder {
    /// Creates or opens `path` and writes `config.resolved.toml` and `manifest.json` into it.
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
        let write = |name: &str, bytes: &[u8]| {
            let file = path.join(name);
            fs::write(&file, bytes).map_err(io("cannot write", &file))
        };
        write("config.resolved.toml", resolved_config.as_bytes())?;
        write("manifest.json", &serde_json::to_vec_pretty(manifest)?)?;
        let metrics = path.join("metrics.jsonl");
        let metrics = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&metrics)
            .map_err(io("cannot open", &metrics))?;
        Ok(Self {
            path: path.to_owned(),
            metrics,
            existing,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the checkpoints lie.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Whether the run goes on from its last checkpoint.
    pub fn resumes(&self) -> bool {
        self.existing == Existing::Resume
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
        let temporary = self.path.join("metrics.jsonl.tmp");
        fs::write(&temporary, kept.concat()).map_err(io("cannot write", &temporary))?;
        fs::rename(&temporary, &path).map_err(io("cannot rename", &temporary))?;
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
        fs::write(&path, text).map_err(io("cannot write", &path))
    }

    /// A JSON artefact of the run.
    ///
    /// # Errors
    /// [`TrainError::Io`] and [`TrainError::Json`].
    pub fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), TrainError> {
        let path = self.path.join(name);
        fs::write(&path, serde_json::to_vec_pretty(value)?).map_err(io("cannot write", &path))
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

fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> TrainError {
    let path = path.to_owned();
    move |source| TrainError::Io { what, source, path }
}
