//! Paths in JSON. A name that is no UTF-8 is shown as it can be; serde alone would refuse it.

use std::path::{Path, PathBuf};

use serde::Serializer;

pub(crate) fn one<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

pub(crate) fn several<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.display().to_string()))
}
