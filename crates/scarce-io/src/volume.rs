//! Volumes and label maps from files, the format found by content.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use scarce_image::{LabelMap, Volume};

use crate::error::system;
use crate::stored::{Layout, read_up_to};
use crate::{IoError, nifti, nrrd};

/// What to do with voxels that are NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NonFinitePolicy {
    /// Refuse the file.
    Refuse,
    /// Put this value in their place, with a warning that counts them.
    Replace(f32),
    /// Keep them.
    Keep,
}

/// How a volume is read.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Largest allocation for one file; checked against the header before anything is allocated.
    /// _Default:_ 8 GiB.
    pub max_alloc_bytes: u64,
    /// _Default:_ [`NonFinitePolicy::Refuse`].
    pub non_finite: NonFinitePolicy,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            max_alloc_bytes: 8 << 30,
            non_finite: NonFinitePolicy::Refuse,
        }
    }
}

impl ReadOptions {
    /// With another budget.
    #[must_use]
    pub fn with_max_alloc_bytes(mut self, max_alloc_bytes: u64) -> Self {
        self.max_alloc_bytes = max_alloc_bytes;
        self
    }

    /// With another policy for voxels that are not finite.
    #[must_use]
    pub fn with_non_finite(mut self, non_finite: NonFinitePolicy) -> Self {
        self.non_finite = non_finite;
        self
    }
}

/// A format of volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Nifti1,
    Nrrd,
}

/// A file read whole: its header understood, its data complete and their checksum right.
pub(crate) struct StoredVolume {
    pub format: Format,
    pub compressed: bool,
    pub layout: Layout,
    pub data: Vec<u8>,
    pub label_names: BTreeMap<u16, String>,
}

/// Reads a volume in `(z, y, x)` order, slope and intercept applied.
///
/// # Errors
/// [`IoError`]: never a volume that is not the whole of what the file says.
pub fn read_volume(path: &Path) -> Result<Volume<f32>, IoError> {
    read_volume_with(path, &ReadOptions::default())
}

/// [`read_volume`] with options.
///
/// # Errors
/// As [`read_volume`].
pub fn read_volume_with(path: &Path, options: &ReadOptions) -> Result<Volume<f32>, IoError> {
    let stored = read_stored(path, options)?;
    stored.layout.volume(&stored.data, options, path)
}

/// Reads a label map.
///
/// # Errors
/// As [`read_volume`], and [`IoError::Label`] for a value that is no integer from 0 to 65535.
pub fn read_label_map(path: &Path) -> Result<LabelMap, IoError> {
    let stored = read_stored(path, &ReadOptions::default())?;
    stored.layout.labels(&stored.data, path)
}

pub(crate) fn read_stored(path: &Path, options: &ReadOptions) -> Result<StoredVolume, IoError> {
    let mut file = BufReader::new(File::open(path).map_err(system("cannot open", path))?);
    let mut start = read_up_to(&mut file, 8, path)?;
    if start.starts_with(&[0x1f, 0x8b]) {
        let whole = std::io::Cursor::new(start).chain(file);
        let mut inflated = MultiGzDecoder::new(whole);
        // A member may be short: ask until there are enough bytes to tell the format.
        start = read_up_to(&mut inflated, 8, path)?;
        let mut stream = std::io::Cursor::new(start.clone()).chain(inflated);
        return read_stream(&start, true, &mut stream, path, options);
    }
    let mut stream = std::io::Cursor::new(start.clone()).chain(file);
    read_stream(&start, false, &mut stream, path, options)
}

fn read_stream(
    start: &[u8],
    compressed: bool,
    stream: &mut dyn Read,
    path: &Path,
    options: &ReadOptions,
) -> Result<StoredVolume, IoError> {
    if start.starts_with(b"NRRD000") {
        let header = nrrd::read_header(stream, path)?;
        let layout = header.layout(path)?;
        let gzip = header.is_gzip(path)?;
        let data = if gzip {
            layout.read_data(&mut MultiGzDecoder::new(stream), options, path)?
        } else {
            layout.read_data(stream, options, path)?
        };
        let label_names = header.segment_names(path)?;
        return Ok(StoredVolume {
            format: Format::Nrrd,
            compressed: gzip || compressed,
            layout,
            data,
            label_names,
        });
    }
    if nifti::looks_like_header(start) {
        let layout = nifti::read_layout(stream, path)?;
        let data = layout.read_data(stream, options, path)?;
        let label_names = BTreeMap::new();
        return Ok(StoredVolume {
            format: Format::Nifti1,
            compressed,
            layout,
            data,
            label_names,
        });
    }
    if start.is_empty() {
        return Err(IoError::Truncated {
            what: "header",
            expected: 348,
            got: 0,
            path: path.to_owned(),
        });
    }
    Err(IoError::UnknownFormat {
        expected: "NIfTI-1 or NRRD",
        path: path.to_owned(),
    })
}
