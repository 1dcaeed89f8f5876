//! The folder a run writes: resolved configuration, manifest, metrics and checkpoints.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::error::io;
use crate::sinks::{MetricsTable, Sink};

/// What to do with a run folder that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Refuse it.
    Refuse,
    /// Go on from its last checkpoint.
    Resume,
    /// Go on from its last checkpoint, or begin where it has none yet: for runs that are started again
    /// and again, as by a cluster's queue.
    Continue,
    /// Empty it first.
    Overwrite,
}

/// What made a run: enough to repeat it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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
    metrics: MetricsTable,
    sinks: Vec<Box<dyn Sink>>,
    existing: Existing,
    /// Whether there were checkpoints when it was opened.
    begun: bool,
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
        let mut metrics = MetricsTable::open(path)?;
        let checkpoints = path.join("checkpoints");
        let begun = ["last", "previous"]
            .iter()
            .any(|name| checkpoints.join(name).is_dir());
        if existing == Existing::Continue && !begun {
            // What an earlier session logged before its first checkpoint comes again.
            metrics.resume_at(0)?;
        }
        Ok(Self {
            path: path.to_owned(),
            metrics,
            sinks: Vec::new(),
            existing,
            begun,
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
        match self.existing {
            Existing::Resume => true,
            Existing::Continue => self.begun,
            Existing::Refuse | Existing::Overwrite => false,
        }
    }

    /// Adds a place where the figures of every step go, beside `metrics.jsonl`.
    ///
    /// # Errors
    /// [`TrainError::Io`] when what the sink holds of an earlier session can't be dropped.
    pub fn add_sink(&mut self, mut sink: impl Sink + 'static) -> Result<(), TrainError> {
        if self.existing == Existing::Continue && !self.begun {
            sink.resume_at(0)?;
        }
        self.sinks.push(Box::new(sink));
        Ok(())
    }

    /// Hands the figures of a step to `metrics.jsonl` and to every sink.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn log(&mut self, step: u64, figures: &[(String, f64)]) -> Result<(), TrainError> {
        self.metrics.on_step(step, figures)?;
        self.sinks
            .iter_mut()
            .try_for_each(|sink| sink.on_step(step, figures))
    }

    /// Has `metrics.jsonl` and every sink put what they hold on disk, as before a checkpoint.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn flush(&mut self) -> Result<(), TrainError> {
        self.metrics.flush()?;
        self.sinks.iter_mut().try_for_each(|sink| sink.flush())
    }

    /// Drops figures from `step` on: a run that resumes gives them again.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub(crate) fn rewind_metrics(&mut self, step: u64) -> Result<(), TrainError> {
        self.metrics.resume_at(step)?;
        self.sinks
            .iter_mut()
            .try_for_each(|sink| sink.resume_at(step))
    }

    /// Writes `metrics.csv`, the rows of `metrics.jsonl` as one table.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn write_csv(&self) -> Result<(), TrainError> {
        self.metrics.write_csv()
    }

    /// A JSON artefact of the run.
    ///
    /// # Errors
    /// [`TrainError::Io`] and [`TrainError::Json`].
    pub fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), TrainError> {
        let path = self.path.join(name);
        fs::write(&path, serde_json::to_vec_pretty(value)?).map_err(io("cannot write", &path))
    }
}
