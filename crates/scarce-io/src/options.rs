//! How files are read.

use std::path::Path;

use crate::IoError;

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
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Largest allocation for one volume; checked against the header before anything is allocated.
    /// _Default:_ 8 GiB.
    pub max_alloc_bytes: u64,
    /// _Default:_ [`NonFinitePolicy::Refuse`].
    pub non_finite: NonFinitePolicy,
    /// Which volume of a file that holds several, from 0. _Default:_ none, and such files are refused.
    pub frame: Option<usize>,
    /// Which series of a DICOM folder that holds several. _Default:_ none, and such folders are refused.
    pub series_uid: Option<String>,
    /// Which array of an HDF5 or NPZ file. _Default:_ none: `image` for a volume, `label` for a label
    /// map, or the only array there is.
    pub dataset: Option<String>,
    /// Spacing for formats that tell none (HDF5, NPY, NPZ). _Default:_ none: 1 mm, with a warning.
    pub spacing_mm_xyz: Option<[f64; 3]>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            max_alloc_bytes: 8 << 30,
            non_finite: NonFinitePolicy::Refuse,
            frame: None,
            series_uid: None,
            dataset: None,
            spacing_mm_xyz: None,
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

    /// The volume of that number, from 0, of a file that holds several.
    #[must_use]
    pub fn with_frame(mut self, frame: usize) -> Self {
        self.frame = Some(frame);
        self
    }

    /// The frame to read of a file that holds `frames`.
    pub(crate) fn frame_of(&self, frames: usize, path: &Path) -> Result<usize, IoError> {
        match self.frame {
            None if frames == 1 => Ok(0),
            Some(frame) if frame < frames => Ok(frame),
            asked => Err(IoError::Frame {
                frames,
                asked: asked.map_or_else(|| "none".to_owned(), |n| n.to_string()),
                path: path.to_owned(),
            }),
        }
    }

    /// The series of that `SeriesInstanceUID`.
    #[must_use]
    pub fn with_series_uid(mut self, series_uid: impl Into<String>) -> Self {
        self.series_uid = Some(series_uid.into());
        self
    }

    /// The array of that name.
    #[must_use]
    pub fn with_dataset(mut self, dataset: impl Into<String>) -> Self {
        self.dataset = Some(dataset.into());
        self
    }

    /// The spacing to give to what has none.
    #[must_use]
    pub fn with_spacing_mm_xyz(mut self, spacing_mm_xyz: [f64; 3]) -> Self {
        self.spacing_mm_xyz = Some(spacing_mm_xyz);
        self
    }
}
