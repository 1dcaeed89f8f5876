//! Where a value came from, and with what reservations.

use std::path::PathBuf;

use serde::Serialize;

use crate::{Format, text_paths};

/// A reservation: the value is whole, but a user should know of this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// A short, stable name.
    pub code: &'static str,
    /// The reservation in words.
    pub message: String,
    /// How many voxels, files, fields or bytes it concerns.
    pub count: usize,
}

/// What was read, from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// The format found.
    pub format: Format,
    /// Whether the voxels were compressed.
    pub compressed: bool,
    /// The stored voxel type, such as `"int16"`.
    pub stored_type: &'static str,
    /// Volumes in the file.
    pub frames: usize,
    /// The files read, in the order of the slices.
    #[serde(serialize_with = "text_paths::several")]
    pub files: Vec<PathBuf>,
    /// Reservations.
    pub warnings: Vec<Warning>,
}

impl Provenance {
    /// Writes the reservations to the log; for callers that do not hand them on.
    pub fn log(&self) {
        let path = self.files.first().map(|p| p.display().to_string());
        for warning in &self.warnings {
            tracing::warn!("{}: {}", warning.message, path.as_deref().unwrap_or("?"));
        }
    }
}

/// A value with its provenance.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub provenance: Provenance,
}

impl<T> Loaded<T> {
    /// The value alone, its reservations logged.
    pub fn into_logged(self) -> T {
        self.provenance.log();
        self.value
    }
}

/// Collects warnings while a file is read.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Vec<Warning>);

impl Warnings {
    /// Adds a warning, or counts up the one of the same code and message.
    pub(crate) fn add(&mut self, code: &'static str, message: impl Into<String>) {
        self.add_many(code, message, 1);
    }

    pub(crate) fn add_many(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        count: usize,
    ) {
        let message = message.into();
        let same = |w: &&mut Warning| w.code == code && w.message == message;
        if let Some(warning) = self.0.iter_mut().find(same) {
            warning.count += count;
        } else {
            self.0.push(Warning {
                code,
                message,
                count,
            });
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Warning> {
        self.0
    }
}
