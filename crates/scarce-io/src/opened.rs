//! A volume's file whose header was understood: what every format's reader hands on.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use ndarray::Array3;
use scarce_image::Geometry;

use crate::error::At;
use crate::provenance::Warnings;
use crate::stored::Layout;
use crate::{Format, IoError, Provenance, ReadOptions};

/// What the caller makes of the voxels, for formats that hold both an image and its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Values,
    Labels,
}

/// A file whose header was understood, its voxels still to be read.
pub(crate) struct Opened {
    pub format: Format,
    pub compressed: bool,
    pub stored_type: &'static str,
    pub shape_zyx: [usize; 3],
    pub frames: usize,
    pub geometry: Geometry,
    pub voxels: Voxels,
    pub label_names: BTreeMap<u16, String>,
    pub files: Vec<PathBuf>,
    pub warnings: Warnings,
}

/// Where the voxels come from.
pub(crate) enum Voxels {
    /// One behind the other in a stream.
    Stream(Layout, Box<dyn Read + Send>),
    /// Decoded already.
    Values(Array3<f32>),
    /// Decoded already, and labels.
    Labels(Array3<u16>),
}

impl Opened {
    /// A file with a header and a stream of voxels behind it.
    pub(crate) fn stream(
        format: Format,
        compressed: bool,
        layout: Layout,
        data: Box<dyn Read + Send>,
        path: &Path,
    ) -> Self {
        let [x, y, z] = layout.shape_xyz;
        Self {
            format,
            compressed,
            stored_type: layout.stored.name(),
            shape_zyx: [z, y, x],
            frames: layout.frames,
            geometry: layout.geometry,
            voxels: Voxels::Stream(layout, data),
            label_names: BTreeMap::new(),
            files: vec![path.to_owned()],
            warnings: Warnings::default(),
        }
    }

    pub(crate) fn provenance(self) -> Provenance {
        Provenance {
            format: self.format,
            compressed: self.compressed,
            stored_type: self.stored_type,
            frames: self.frames,
            files: self.files,
            warnings: self.warnings.into_vec(),
        }
    }
}

/// Geometry for formats that tell none: the spacing asked for, or 1 mm with a warning.
pub(crate) fn geometry_of_no_format(
    options: &ReadOptions,
    warnings: &mut Warnings,
    path: &Path,
) -> Result<Geometry, IoError> {
    if options.spacing_mm_xyz.is_none() {
        warnings.add(
            "no-geometry",
            "the format tells no geometry; voxels are taken as 1 mm cubes",
        );
    }
    Geometry::from_spacing_mm_xyz(options.spacing_mm_xyz.unwrap_or([1.0; 3]))
        .map_err(|source| At(path).geometry(source))
}
