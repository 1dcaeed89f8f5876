//! Regions that were found before.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scarce_vlm::{Localization, Region};

use super::found::{RECORD, make_folder, write_maps};

/// A folder of regions, each in a folder of its own that appears whole or not at all: several processes may fill it.
pub struct Kept {
    folder: PathBuf,
}

/// A region in the cache.
pub struct Entry {
    pub folder: PathBuf,
    pub localization: Localization,
    /// Whether it was there already.
    pub hit: bool,
}

impl Kept {
    /// In `folder`, which is made if it is not there.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        make_folder(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// The region under `key`, found by `find` where it is not there, or cannot be read.
    pub fn get_or_find(
        &self,
        key: &str,
        is_picture: bool,
        find: impl FnOnce() -> anyhow::Result<Region>,
    ) -> anyhow::Result<Entry> {
        let ending = if is_picture { "picture" } else { "volume" };
        let folder = self.folder.join(format!("{key}.{ending}"));
        if folder.is_dir() {
            match read(&folder) {
                Ok(localization) => {
                    return Ok(Entry {
                        folder,
                        localization,
                        hit: true,
                    });
                }
                Err(error) => {
                    tracing::warn!("a kept region is found anew: {error:#}");
                    fs::remove_dir_all(&folder)
                        .with_context(|| format!("cannot remove {}", folder.display()))?;
                }
            }
        }
        let region = find()?;
        let begun = tempfile::Builder::new()
            .prefix(".begun-")
            .tempdir_in(&self.folder)
            .with_context(|| format!("cannot write into {}", self.folder.display()))?;
        write_maps(begun.path(), &region, is_picture)?;
        let record = begun.path().join(RECORD);
        scarce_cli::json_output::write(&record, &region.localization())?;
        if let Err(error) = fs::rename(begun.path(), &folder)
            && !folder.is_dir()
        {
            return Err(error).with_context(|| format!("cannot write {}", folder.display()));
        }
        Ok(Entry {
            // As it will be read: numbers in JSON may end in another digit.
            localization: read(&folder)?,
            folder,
            hit: false,
        })
    }
}

fn read(folder: &Path) -> anyhow::Result<Localization> {
    let path = folder.join(RECORD);
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("not a region's record: {}", path.display()))
}
