//! The folder of entries.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use scarce_image::Volume;

use super::CachedVolume;
use crate::IoError;
use crate::atomic::{is_unfinished, write_atomic_and_keep};
use crate::error::system;

/// What entries are called.
const ENDING: &str = "volume";

/// What was begun so long ago was left by a process that was ended.
const ABANDONED_AFTER: Duration = Duration::from_hours(1);

/// A folder of prepared volumes that stays below a size.
///
/// ```
/// use ndarray::Array3;
/// use scarce_image::{Geometry, Volume};
/// use scarce_io::{VolumeCache, read_volume, write_volume};
///
/// let folder = tempfile::tempdir()?;
/// let scan = folder.path().join("scan.nii.gz");
/// let voxels = Array3::from_shape_fn((2, 3, 4), |(z, y, x)| (z + y + x) as f32);
/// write_volume(&scan, &Volume::new(voxels, Geometry::from_spacing_mm_xyz([1.0; 3])?))?;
/// let cache = VolumeCache::open(&folder.path().join("cache"), 1 << 30)?;
/// let halved = || {
///     cache.get_or_prepare(&scan, "halved, version 1", |path| {
///         Ok(read_volume(path)?.map(|voxel| voxel / 2.0))
///     })
/// };
/// assert_eq!(halved()?.slice_z(1)?[[2, 3]], 3.0);
/// // Now it is read from the cache.
/// assert_eq!(halved()?.volume()?.voxels()[[0, 0, 1]], 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeCache {
    folder: PathBuf,
    max_bytes: u64,
}

impl VolumeCache {
    /// A cache in `folder`, which is made if it is not there; after each new entry the ones that were
    /// used longest ago go until no more than `max_bytes` are left. The newest entry stays in any case,
    /// and while a process writes there is one unfinished entry more on the disk.
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
        let file = write_atomic_and_keep(&entry, |file| CachedVolume::write(&volume, file))?;
        // Not opened by its name: another process may need its room already.
        let cached = CachedVolume::of_file(file, &entry)?;
        self.evict(&entry)?;
        Ok(cached)
    }

    /// Bytes of all entries.
    ///
    /// # Errors
    /// [`IoError::System`].
    pub fn bytes(&self) -> Result<u64, IoError> {
        let entries = self.entries()?;
        let finished = entries.iter().filter(|entry| entry.is_finished);
        Ok(finished.map(|entry| entry.bytes).sum())
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
            let is_entry = path.extension().is_some_and(|e| e == ENDING);
            if !is_entry && !is_unfinished(&path) {
                continue;
            }
            // Another process may have taken it away since.
            if let Ok(metadata) = fs::metadata(&path) {
                entries.push(Entry {
                    bytes: metadata.len(),
                    used: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                    is_finished: is_entry,
                    path,
                });
            }
        }
        Ok(entries)
    }

    fn evict(&self, newest: &Path) -> Result<(), IoError> {
        let (mut entries, unfinished): (Vec<Entry>, Vec<Entry>) = self
            .entries()?
            .into_iter()
            .partition(|entry| entry.is_finished);
        for entry in unfinished {
            let age = entry.used.elapsed().unwrap_or_default();
            if age > ABANDONED_AFTER {
                entry.remove()?;
            }
        }
        entries.sort_by_key(|entry| entry.used);
        let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
        for entry in entries.iter().filter(|entry| entry.path != newest) {
            if total <= self.max_bytes {
                break;
            }
            entry.remove()?;
            total -= entry.bytes;
        }
        Ok(())
    }
}

struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
    is_finished: bool,
}

impl Entry {
    /// Removes it, or finds that another process did.
    fn remove(&self) -> Result<(), IoError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(system("cannot remove", &self.path)(error))
            }
            _ => Ok(()),
        }
    }
}

/// An entry that is there and whole in every slice; its time of use is set.
fn whole(entry: &Path) -> Result<Option<CachedVolume>, IoError> {
    let cached = match CachedVolume::open(entry) {
        Err(error) if error.code() == "missing" => return Ok(None),
        opened => opened?,
    };
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
