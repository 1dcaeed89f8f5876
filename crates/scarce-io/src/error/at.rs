//! Errors about one file, shortly made.

use std::error::Error;
use std::path::Path;

use scarce_image::GeometryError;

use super::IoError;

/// Makes errors about one file.
#[derive(Clone, Copy)]
pub(crate) struct At<'a>(pub &'a Path);

impl At<'_> {
    pub(crate) fn header(self, field: &str, expected: &'static str, got: impl ToString) -> IoError {
        IoError::Header {
            field: field.to_owned(),
            expected,
            got: got.to_string(),
            path: self.0.to_owned(),
        }
    }

    pub(crate) fn unsupported(self, what: impl Into<String>) -> IoError {
        IoError::Unsupported {
            what: what.into(),
            path: self.0.to_owned(),
        }
    }

    pub(crate) fn truncated(self, what: &'static str, expected: usize, got: usize) -> IoError {
        IoError::Truncated {
            what,
            expected: expected as u64,
            got: got as u64,
            path: self.0.to_owned(),
        }
    }

    pub(crate) fn geometry(self, source: GeometryError) -> IoError {
        IoError::Geometry {
            source,
            path: self.0.to_owned(),
        }
    }

    pub(crate) fn dicom(self, message: impl ToString) -> IoError {
        IoError::Dicom {
            message: message.to_string(),
            path: self.0.to_owned(),
        }
    }

    /// With the words of the error's causes, of which the last tell most.
    pub(crate) fn dicom_error(self, error: &dyn Error) -> IoError {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            message = format!("{message}: {error}");
            source = error.source();
        }
        self.dicom(message)
    }

    pub(crate) fn budget(self, needed: u128, budget: u64) -> IoError {
        IoError::Budget {
            needed,
            budget,
            path: self.0.to_owned(),
        }
    }
}

/// For `map_err` on calls of the operating system.
pub(crate) fn system(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> IoError {
    let path = path.to_owned();
    move |source| IoError::System { what, source, path }
}
