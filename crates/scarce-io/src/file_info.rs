//! What a volume's file holds.

use std::path::Path;

use serde::Serialize;

use crate::opened::{Voxels, Wanted};
use crate::read::open;
use crate::{IoError, ReadOptions, Warning};

/// What a volume's file holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileInfo {
    /// Such as `"nifti-1"`.
    pub format: &'static str,
    /// Whether the voxels are compressed.
    pub compressed: bool,
    /// Voxels along z, y and x.
    pub shape_zyx: [usize; 3],
    /// Volumes in the file.
    pub frames: usize,
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
    /// Reservations.
    pub warnings: Vec<Warning>,
}

/// Reads the file whole, so that what it tells is true of complete data.
///
/// # Errors
/// As [`crate::read_volume`].
pub fn info(path: &Path) -> Result<FileInfo, IoError> {
    // Any frame will do: all are read.
    let options = ReadOptions::default().with_frame(0);
    let opened = open(path, &options, Wanted::Values)?;
    let geometry = opened.geometry;
    let format = opened.format.name();
    if let Voxels::Stream(layout, mut data) = opened.voxels {
        layout.check_whole(&mut data, &options, path)?;
    }
    let affine = geometry.world_from_voxel();
    let (m, t) = (affine.matrix3, affine.translation);
    let row = |r: usize| [m.x_axis[r], m.y_axis[r], m.z_axis[r], t[r]];
    Ok(FileInfo {
        format,
        compressed: opened.compressed,
        shape_zyx: opened.shape_zyx,
        frames: opened.frames,
        spacing_mm_xyz: geometry.spacing_mm_xyz(),
        orientation: geometry.orientation(),
        affine: [row(0), row(1), row(2), [0.0, 0.0, 0.0, 1.0]],
        stored_type: opened.stored_type,
        named_labels: opened.label_names.len(),
        warnings: opened.warnings.into_vec(),
    })
}
