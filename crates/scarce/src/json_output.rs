//! JSON where a script wants it: in a file, or alone on standard output.

use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

/// Writes `value` to `path`, or to standard output where `path` is `-`.
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
