//! JSON files of data sets.

use std::path::Path;

use serde_json::Value;

use super::report::Fault;

/// The content, or the fault that it has none.
pub(super) fn read(path: &Path) -> Result<Value, Fault> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Fault::new("system", format!("cannot read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| Fault::new("json", error.to_string()))
}
