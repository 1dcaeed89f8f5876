//! Writing single-file NIfTI-1.

use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use scarce_image::{Geometry, LabelMap, Mask, Volume};

use super::affine::quaternion;
use crate::{IoError, write_atomic};

/// Writes 32-bit floats to `path`, which must end in `.nii` or `.nii.gz`. Both sform and qform are
/// set, units are mm.
///
/// # Errors
/// [`IoError::Unsupported`] for another ending or a side over 32767 voxels; [`IoError::System`].
pub fn write_volume(path: &Path, volume: &Volume<f32>) -> Result<(), IoError> {
    write(path, volume, 16, 4, |v, out| {
        out.extend_from_slice(&v.to_le_bytes());
    })
}

/// Writes 16-bit labels, or 8-bit ones where they fit.
///
/// # Errors
/// As [`write_volume`].
pub fn write_label_map(path: &Path, labels: &LabelMap) -> Result<(), IoError> {
    if labels.voxels().iter().all(|label| *label < 256) {
        write(path, labels, 2, 1, |v, out| out.push(*v as u8))
    } else {
        write(path, labels, 512, 2, |v, out| {
            out.extend_from_slice(&v.to_le_bytes());
        })
    }
}

/// Writes a mask as 8-bit 0 and 1.
///
/// # Errors
/// As [`write_volume`].
pub fn write_mask(path: &Path, mask: &Mask) -> Result<(), IoError> {
    write(path, mask, 2, 1, |v, out| out.push(u8::from(*v)))
}

fn write<T>(
    path: &Path,
    volume: &Volume<T>,
    datatype: i16,
    bytes_a_voxel: i16,
    encode: impl Fn(&T, &mut Vec<u8>),
) -> Result<(), IoError> {
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let compressed = name.ends_with(".nii.gz");
    let unsupported = |what: String| IoError::Unsupported {
        what,
        path: path.to_owned(),
    };
    if !compressed && !name.ends_with(".nii") {
        return Err(unsupported(
            "writing a volume to a name that is not .nii or .nii.gz".to_owned(),
        ));
    }
    let [z, y, x] = volume.shape_zyx();
    if [x, y, z].iter().any(|n| *n > 32767 || *n == 0) {
        return Err(unsupported(format!("NIfTI-1 of {x}×{y}×{z} voxels")));
    }
    let header = header([x, y, z], volume.geometry(), datatype, bytes_a_voxel);
    let write_to = |out: &mut dyn Write| -> io::Result<()> {
        out.write_all(&header)?;
        let mut row = Vec::with_capacity(x * bytes_a_voxel as usize);
        for line in volume.voxels().rows() {
            row.clear();
            line.iter().for_each(|v| encode(v, &mut row));
            out.write_all(&row)?;
        }
        Ok(())
    };
    write_atomic(path, |file| {
        if compressed {
            let mut gzip = GzEncoder::new(file, Compression::fast());
            write_to(&mut gzip)?;
            gzip.finish().map(drop)
        } else {
            write_to(file)
        }
    })
}

/// The header and the four bytes that say "no extension".
fn header(
    shape_xyz: [usize; 3],
    geometry: &Geometry,
    datatype: i16,
    bytes_a_voxel: i16,
) -> Vec<u8> {
    let mut bytes = vec![0; 352];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, &348i32.to_le_bytes());
    let [x, y, z] = shape_xyz.map(|n| n as i16);
    for (k, n) in [3, x, y, z, 1, 1, 1, 1].iter().enumerate() {
        put(40 + 2 * k, &n.to_le_bytes());
    }
    put(70, &datatype.to_le_bytes());
    put(72, &(8 * bytes_a_voxel).to_le_bytes());
    let affine = geometry.world_from_voxel();
    let spacing = geometry.spacing_mm_xyz();
    let qform = quaternion(geometry);
    let handedness = qform.map_or(1.0, |(_, handedness)| handedness);
    for (k, v) in [
        handedness,
        spacing[0] as f32,
        spacing[1] as f32,
        spacing[2] as f32,
    ]
    .iter()
    .enumerate()
    {
        put(76 + 4 * k, &v.to_le_bytes());
    }
    put(108, &352f32.to_le_bytes());
    put(112, &1f32.to_le_bytes());
    put(123, &[2]);
    let t = affine.translation;
    if let Some((quaternion, _)) = qform {
        put(252, &1i16.to_le_bytes());
        for (k, v) in quaternion.iter().chain(&t.as_vec3().to_array()).enumerate() {
            put(256 + 4 * k, &v.to_le_bytes());
        }
    }
    put(254, &1i16.to_le_bytes());
    let m = affine.matrix3;
    for row in 0..3 {
        let values = [m.x_axis[row], m.y_axis[row], m.z_axis[row], t[row]];
        for (k, v) in values.iter().enumerate() {
            put(280 + 16 * row + 4 * k, &(*v as f32).to_le_bytes());
        }
    }
    put(344, b"n+1\0");
    bytes
}
