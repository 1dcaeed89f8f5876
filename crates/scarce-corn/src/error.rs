//! What can go wrong in the method.

use scarce_train::TrainError;
use scarce_train::loader::LoaderError;
use thiserror::Error;

/// What can go wrong in the method.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CornError {
    /// A tensor or array has another shape than needed.
    #[error("{what}: expected {expected}, got {got:?}")]
    Shape {
        /// What it is.
        what: &'static str,
        /// What was needed.
        expected: String,
        /// The shape found.
        got: Vec<i64>,
    },
    /// Too few rows for a covariance.
    #[error("covariance of {rows} rows: expected at least 2")]
    Rows {
        /// Rows found.
        rows: i64,
    },
    /// The training data cannot serve.
    #[error("training data: {message}")]
    Data {
        /// Why.
        message: String,
    },
    /// A setting is out of its range.
    #[error("setting {name}: expected {expected}, got {got}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// Two networks would share the name of a variable.
    #[error("variable {name} is there already: build each network under a path of its own")]
    NameTaken {
        /// The variable's full name.
        name: String,
    },
    /// The training runtime failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The order of the volumes cannot be made.
    #[error(transparent)]
    Loader(#[from] LoaderError),
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

impl CornError {
    pub(crate) fn setting(
        name: &'static str,
        expected: &'static str,
        got: impl std::fmt::Display,
    ) -> Self {
        let got = got.to_string();
        Self::Setting {
            name,
            expected,
            got,
        }
    }
}
