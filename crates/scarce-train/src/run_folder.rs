//! The folder a run writes: resolved configuration, manifest, metrics and checkpoints.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::checkpoint::{io, write_whole};
use crate::sinks::{MetricsTable, Sink};

/// What to do with a run folder that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Refuse it.
    Refuse,
    /// Go on from its last checkpoint, or from the start where it was stopped before it had one.
    Resume,
    /// Go on from the checkpoint before the last, which is set aside as `checkpoints/unfit`.
    ResumePrevious,
    /// As [`Self::Resume`] where a run was started in the folder, else as [`Self::Refuse`]: for runs that
    /// are started again and again, as by a cluster's queue.
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
    /// None where another process writes the folder.
    metrics: Option<MetricsTable>,
    sinks: Vec<Box<dyn Sink>>,
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
        let begun = existing != Existing::Overwrite && path.join("manifest.json").is_file();
        let existing = match existing {
            Existing::Continue if begun => Existing::Resume,
            Existing::Continue => Existing::Refuse,
            other => other,
        };
        if occupied && existing == Existing::Refuse {
            return Err(TrainError::RunExists {
                path: path.to_owned(),
            });
        }
        if occupied && existing == Existing::Overwrite {
            fs::remove_dir_all(path).map_err(io("cannot empty the run folder", path))?;
        }
        fs::create_dir_all(path).map_err(io("cannot create the run folder", path))?;
        let run = Self {
            path: path.to_owned(),
            metrics: Some(MetricsTable::open(path)?),
            sinks: Vec::new(),
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

    /// The run folder that another process of the training writes: nothing is written by this one, and whether
    /// it resumes is for the other to say.
    pub fn follow(path: &Path, resolved_config: &str) -> Self {
        Self {
            path: path.to_owned(),
            metrics: None,
            sinks: Vec::new(),
            existing: Existing::Refuse,
            resolved_config: resolved_config.to_owned(),
            manifest: Vec::new(),
            begun: false,
        }
    }

    /// Writes `config.resolved.toml` and `manifest.json`.
    pub(crate) fn describe(&self) -> Result<(), TrainError> {
        if self.metrics.is_none() {
            return Ok(());
        }
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

    /// Waits until the figures are on the disk: a checkpoint must not outlive the rows before it.
    ///
    /// # Errors
    /// [`TrainError::Io`], also when `metrics.jsonl` was removed while the run went on.
    pub(crate) fn sync_metrics(&mut self) -> Result<(), TrainError> {
        self.every_sink(|sink| sink.flush())
    }

    /// Adds a place where the figures of every step go, beside `metrics.jsonl`; in a folder that is followed, too.
    pub fn add_sink(&mut self, sink: impl Sink + 'static) {
        self.sinks.push(Box::new(sink));
    }

    /// Hands the figures of a step to `metrics.jsonl` and to every sink.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn log(&mut self, step: u64, figures: &[(String, f64)]) -> Result<(), TrainError> {
        self.every_sink(|sink| sink.on_step(step, figures))
    }

    /// `metrics.jsonl` first.
    fn every_sink(
        &mut self,
        mut tell: impl FnMut(&mut dyn Sink) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        if let Some(metrics) = &mut self.metrics {
            tell(metrics)?;
        }
        self.sinks
            .iter_mut()
            .try_for_each(|sink| tell(sink.as_mut()))
    }

    /// Drops figures from `step` on: a run that resumes gives them again.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub(crate) fn rewind_metrics(&mut self, step: u64) -> Result<(), TrainError> {
        self.every_sink(|sink| sink.resume_at(step))
    }

    /// Writes `metrics.csv`, the rows of `metrics.jsonl` as one table.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn write_csv(&self) -> Result<(), TrainError> {
        self.metrics
            .as_ref()
            .map_or(Ok(()), MetricsTable::write_csv)
    }

    /// A JSON artefact of the run; a process that follows writes none.
    ///
    /// # Errors
    /// [`TrainError::Io`] and [`TrainError::Json`].
    pub fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), TrainError> {
        if self.metrics.is_none() {
            return Ok(());
        }
        let path = self.path.join(name);
        write_whole(&path, &serde_json::to_vec_pretty(value)?)
    }
}
