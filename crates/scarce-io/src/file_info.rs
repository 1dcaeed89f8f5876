//! What a volume's file holds.

use std::path::Path;

use serde::Serialize;

use crate::volume::{Format, read_stored};
use crate::{IoError, ReadOptions};

/// What a volume's file holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileInfo {
    /// `"nifti-1"` or `"nrrd"`.
    pub format: &'static str,
    /// Whether the voxels are compressed.
    pub compressed: bool,
    /// Voxels along z, y and x.
    pub shape_zyx: [usize; 3],
    /// Spacing along x, y and z.
    pub spacing_mm_xyz: [f64; 3],
    /// World directions of the x, y and z axes, such as `"LPS"`.
    pub orientation: String,
    /// `world_from_voxel` as rows, voxel `(x, y, z)` to RAS mm.
    pub affine: [[f64; 4]; 4],
    /// The stored voxel type.
    #[serde(rename = "type")]
    pub stored_type: &'static str,
    /// How many labels have names.
    pub named_labels: usize,
}

/// Reads the file whole, so that what it tells is true of complete data.
///
/// # Errors
/// As [`crate::read_volume`].
pub fn info(path: &Path) -> Result<FileInfo, IoError> {
    let stored = read_stored(path, &ReadOptions::default())?;
    let layout = stored.layout;
    let affine = layout.geometry.world_from_voxel();
    let (m, t) = (affine.matrix3, affine.translation);
    let row = |r: usize| [m.x_axis[r], m.y_axis[r], m.z_axis[r], t[r]];
    let [x, y, z] = layout.shape_xyz;
    Ok(FileInfo {
        format: match stored.format {
            Format::Nifti1 => "nifti-1",
            Format::Nrrd => "nrrd",
        },
        compressed: stored.compressed,
        shape_zyx: [z, y, x],
        spacing_mm_xyz: layout.geometry.spacing_mm_xyz(),
        orientation: layout.geometry.orientation(),
        affine: [row(0), row(1), row(2), [0.0, 0.0, 0.0, 1.0]],
        stored_type: layout.stored.name(),
        named_labels: stored.label_names.len(),
    })
}
