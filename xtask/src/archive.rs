//! Taking chosen files out of wheels (zip) and source packages (tar.gz).

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Cursor, Read, Seek};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use flate2::read::GzDecoder;

use crate::bad_data;

/// What to take: the path inside the archive, and where it goes under the destination.
/// A trailing `/` on `from` takes a whole folder; `outer.zip!member` a member of an inner zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// Path inside the archive.
    pub from: String,
    /// Path under the destination folder.
    pub to: String,
}

/// Unpacks `takes` from the archive at `path` (`.whl`, `.zip`, `.tar.gz`) to `destination`.
/// Returns the number of files written.
///
/// # Errors
/// [`crate::failure::Failure::Data`] if the archive is damaged or lacks one of `takes`.
pub fn unpack(path: &Path, takes: &[Take], destination: &Path) -> Result<usize> {
    let name = path.to_string_lossy();
    let file = BufReader::with_capacity(
        1 << 20,
        File::open(path).with_context(|| format!("can't open {}", path.display()))?,
    );
    let found = if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
        from_tar(file, takes, destination)
    } else {
        from_zip(file, takes, destination)
    };
    let found = found.with_context(|| format!("can't unpack {}", path.display()))?;
    for (take, count) in takes.iter().zip(&found) {
        if *count == 0 {
            bad_data!("no `{}` in the archive {}", take.from, path.display());
        }
    }
    Ok(found.iter().sum())
}

fn from_zip(archive: impl Read + Seek, takes: &[Take], destination: &Path) -> Result<Vec<usize>> {
    let mut found = vec![0; takes.len()];
    let mut zip = zip::ZipArchive::new(archive)?;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        if entry.is_dir() {
            continue;
        }
        let name = entry.name().to_owned();
        for (take, count) in takes.iter().zip(&mut found) {
            if let Some((outer, member)) = take.from.split_once('!') {
                if name == outer {
                    let mut inner = Vec::new();
                    entry.read_to_end(&mut inner)?;
                    let member = Take {
                        from: member.to_owned(),
                        to: take.to.clone(),
                    };
                    *count += from_zip(Cursor::new(inner), &[member], destination)?[0];
                    break;
                }
            } else if let Some(to) = place(take, &name)? {
                write(&mut entry, &destination.join(to))?;
                *count += 1;
                break;
            }
        }
    }
    Ok(found)
}

fn from_tar(archive: impl Read, takes: &[Take], destination: &Path) -> Result<Vec<usize>> {
    let mut found = vec![0; takes.len()];
    let mut tar = tar::Archive::new(GzDecoder::new(archive));
    for entry in tar.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path()?.to_string_lossy().into_owned();
        // A source package keeps everything under `name-version/`.
        let name = name.split_once('/').map_or("", |(_, rest)| rest);
        for (take, count) in takes.iter().zip(&mut found) {
            if let Some(to) = place(take, name)? {
                write(&mut entry, &destination.join(to))?;
                *count += 1;
                break;
            }
        }
    }
    Ok(found)
}

/// Where the archive's file `name` goes, if `take` asks for it.
fn place(take: &Take, name: &str) -> Result<Option<PathBuf>> {
    let to = if take.from.ends_with('/') {
        match name.strip_prefix(take.from.as_str()) {
            Some(rest) => Path::new(&take.to).join(rest),
            None => return Ok(None),
        }
    } else if name == take.from {
        PathBuf::from(&take.to)
    } else {
        return Ok(None);
    };
    if to
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        Ok(Some(to))
    } else {
        bad_data!("`{name}` leads out of the archive's folder");
    }
}

fn write(content: &mut impl Read, path: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let file = File::create(path).with_context(|| format!("can't write {}", path.display()))?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    io::copy(content, &mut file).with_context(|| format!("can't write {}", path.display()))?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(())
}
