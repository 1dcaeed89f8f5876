//! The folder of entries.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use scarce_image::Volume;

use super::CachedVolume;
use crate::error::system;
use crate::{IoError, write_atomic};

/// What entries are called.
const ENDING: &str = "volume";

/// A folder of prepared volumes that stays below a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeCache {
    folder: PathBuf,
    max_bytes: u64,
}

impl VolumeCache {
    /// A cache in `folder`, which is made if it is not there; after each new entry the ones that were
    /// used longest ago go until no more than `max_bytes` are left.
    ///
    /// # Errors
    /// [`IoError::System`].
    pub fn open(folder: &Path, max_bytes: u64) -> Result<Self, IoError> {
        fs::create_dir_all(folder).map_err(system("cannot make", folder))?;
        Ok(Self {
            folder: folder.to_owned(),
            max_bytes,
        })
    }

    /// The volume that `prepare` makes of `source`, from the cache where it is there and whole.
    /// `preparation` describes all that `prepare` does, with its settings and a version.
    ///
    /// # Errors
    /// [`IoError`] of `prepare`, of reading the source, of writing the entry.
    pub fn get_or_prepare(
        &self,
        source: &Path,
        preparation: &str,
        prepare: impl FnOnce(&Path) -> Result<Volume<f32>, IoError>,
    ) -> Result<CachedVolume, IoError> {
        let entry = self.entry(source, preparation)?;
        match whole(&entry) {
            Ok(Some(cached)) => return Ok(cached),
            Ok(None) => {}
            Err(error) => tracing::warn!("a cached volume is made anew: {error}"),
        }
        let volume = prepare(source)?;
        write_atomic(&entry, |file| CachedVolume::write(&volume, file))?;
        let cached = CachedVolume::open(&entry)?;
        self.evict(&entry)?;
        Ok(cached)
    }

    /// Bytes of all entries.
    ///
    /// # Errors
    /// [`IoError::System`].
    pub fn bytes(&self) -> Result<u64, IoError> {
        Ok(self.entries()?.iter().map(|entry| entry.bytes).sum())
    }

    fn entry(&self, source: &Path, preparation: &str) -> Result<PathBuf, IoError> {
        let mut hasher = blake3::Hasher::new();
        let file = File::open(source).map_err(system("cannot open", source))?;
        hasher
            .update_reader(file)
            .map_err(system("cannot read", source))?;
        let of_source = hasher.finalize();
        let mut hasher = blake3::Hasher::new();
        hasher.update(of_source.as_bytes());
        hasher.update(preparation.as_bytes());
        let name = format!("{}.{ENDING}", hasher.finalize().to_hex());
        Ok(self.folder.join(name))
    }

    fn entries(&self) -> Result<Vec<Entry>, IoError> {
        let mut entries = Vec::new();
        for found in fs::read_dir(&self.folder).map_err(system("cannot list", &self.folder))? {
            let path = found.map_err(system("cannot list", &self.folder))?.path();
            if path.extension().is_none_or(|e| e != ENDING) {
                continue;
            }
            // Another process may have taken it away since.
            if let Ok(metadata) = fs::metadata(&path) {
                entries.push(Entry {
                    bytes: metadata.len(),
                    used: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                    path,
                });
            }
        }
        Ok(entries)
    }

    fn evict(&self, newest: &Path) -> Result<(), IoError> {
        let mut entries = self.entries()?;
        entries.sort_by_key(|entry| entry.used);
        let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
        for entry in entries.iter().filter(|entry| entry.path != newest) {
            if total <= self.max_bytes {
                break;
            }
            match fs::remove_file(&entry.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(system("cannot remove", &entry.path)(error));
                }
                _ => total -= entry.bytes,
            }
        }
        Ok(())
    }
}

struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// An entry that is there and whole in every slice; its time of use is set.
fn whole(entry: &Path) -> Result<Option<CachedVolume>, IoError> {
    if !entry.exists() {
        return Ok(None);
    }
    let cached = CachedVolume::open(entry)?;
    for z in 0..cached.shape_zyx()[0] {
        cached.slice_z(z)?;
    }
    // A cache on a read-only disk still serves; its entries only look older than they are.
    let touched = File::options().append(true).open(entry);
    if let Ok(file) = touched
        && let Err(error) = file.set_modified(SystemTime::now())
    {
        tracing::debug!("time of use not set: {error}");
    }
    Ok(Some(cached))
}
