//! An array on its way into a file: what every format's writer is handed.

use std::io::{self, Write};

use scarce_image::Geometry;

/// The voxel types that are written, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoredAs {
    U8,
    U16,
    F32,
}

impl StoredAs {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::F32 => 4,
        }
    }
}

/// An array on its way into a file.
pub(crate) struct Outgoing<'a> {
    pub shape_zyx: [usize; 3],
    pub geometry: &'a Geometry,
    pub stored: StoredAs,
    /// Writes all voxels, x fastest.
    pub voxels: &'a dyn Fn(&mut dyn Write) -> io::Result<()>,
}
