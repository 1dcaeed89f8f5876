//! What keeps weights from being read or written.

use std::path::PathBuf;

use thiserror::Error;

/// What keeps weights from being read or written.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// A `.pth` file, whatever it is called.
    #[error(
        "this is a pickle, which runs its author's code when it is read; turn it into safetensors with \
         convert/pth_to_safetensors.py of the crate scarce-train: {path}"
    )]
    Pickle {
        /// The file.
        path: PathBuf,
    },
    /// The file is not whole, or no safetensors file.
    #[error("not a safetensors file: {message}: {path}")]
    Format {
        /// What is wrong with it.
        message: String,
        /// The file.
        path: PathBuf,
    },
    /// Names, shapes or kinds disagree; nothing was copied.
    #[error("weights do not fit: {}: {path}", list(.faults))]
    Misfit {
        /// Each disagreement, with the name of its tensor.
        faults: Vec<String>,
        /// The file.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("{what}: {source}: {path}")]
    Io {
        /// What was attempted.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// libtorch refused a tensor.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

/// Faults a message lists; beyond, it only counts.
const LISTED: usize = 8;

fn list(faults: &[String]) -> String {
    let shown = faults.len().min(LISTED);
    let text = faults[..shown].join("; ");
    match faults.len() - shown {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}

pub(super) fn io(
    what: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(std::io::Error) -> WeightsError {
    let path = path.to_owned();
    move |source| WeightsError::Io { what, source, path }
}
