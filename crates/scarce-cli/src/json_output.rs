//! JSON where a script wants it: in a file, or alone on standard output.

use std::io::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

/// Writes `value` to `path`, or to standard output where `path` is `-`.
///
/// # Errors
/// When the file cannot be written, or standard output is closed.
pub fn write<T: Serialize>(path: &Path, value: &T) -> anyhow::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    if path == Path::new("-") {
        std::io::stdout().write_all(&bytes)?;
    } else {
        scarce_io::write_atomic(path, |file| file.write_all(&bytes))?;
    }
    Ok(())
}

/// Writes `findings` to `path`, or logs each of them where there is none.
///
/// # Errors
/// As [`write`].
pub fn tell(path: Option<&Path>, findings: &Value) -> anyhow::Result<()> {
    if let Some(path) = path {
        return write(path, findings);
    }
    for (name, value) in findings.as_object().into_iter().flatten() {
        tracing::info!("{name}: {value}");
    }
    Ok(())
}
