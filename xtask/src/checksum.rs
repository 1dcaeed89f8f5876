//! SHA-256 of files and folders.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::bad_data;

/// Lower-case hex SHA-256 of what `reader` yields.
///
/// # Errors
/// The reader's.
pub fn of_reader(mut reader: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match reader.read(&mut chunk)? {
            0 => return Ok(hex(&hasher.finalize())),
            n => hasher.update(&chunk[..n]),
        }
    }
}

/// Lower-case hex SHA-256 of bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex SHA-256 of a file's content.
///
/// # Errors
/// The file can't be read.
pub fn of_file(path: &Path) -> Result<String> {
    let file = File::open(path).with_context(|| format!("can't read {}", path.display()))?;
    of_reader(file).with_context(|| format!("can't read {}", path.display()))
}

/// One hash over a file, or over the names and contents of all files under a folder.
/// The walk is sorted, so the order of the file system does not matter.
///
/// # Errors
/// Something under `path` can't be read.
pub fn of_tree(path: &Path) -> Result<String> {
    if !path.is_dir() {
        return of_file(path);
    }
    let mut lines = String::new();
    for file in files_under(path)? {
        let name = file
            .strip_prefix(path)
            .unwrap_or(&file)
            .to_string_lossy()
            .replace('\\', "/");
        lines.push_str(&of_file(&file)?);
        lines.push_str("  ");
        lines.push_str(&name);
        lines.push('\n');
    }
    Ok(of_bytes(lines.as_bytes()))
}

/// All files under `folder`, sorted.
///
/// # Errors
/// A folder can't be listed.
pub fn files_under(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(dir) = folders.pop() {
        for entry in
            std::fs::read_dir(&dir).with_context(|| format!("can't list {}", dir.display()))?
        {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Compares a hash with the pinned one.
///
/// # Errors
/// [`crate::failure::Failure::Data`] that names expected, got and the file.
pub fn check(expected: &str, got: &str, path: &Path) -> Result<()> {
    if expected.eq_ignore_ascii_case(got) {
        return Ok(());
    }
    bad_data!(
        "sha256 differs: expected {expected}, got {got}: {}",
        path.display()
    );
}

/// A writer that hashes what passes through it.
pub struct Hashing<W> {
    inner: W,
    hasher: Sha256,
}

impl<W: Write> Hashing<W> {
    /// Wraps `inner`.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
        }
    }

    /// The hash of all that was written.
    pub fn finish(self) -> String {
        hex(&self.hasher.finalize())
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes() {
        // python3 -c "import hashlib; print(hashlib.sha256(b'abc').hexdigest())"
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_bytes(b"abc"), abc);
        assert_eq!(of_reader(&b"abc"[..]).unwrap(), abc);
        let mut writer = Hashing::new(Vec::new());
        writer.write_all(b"ab").unwrap();
        writer.write_all(b"c").unwrap();
        assert_eq!(writer.finish(), abc);
    }
}
