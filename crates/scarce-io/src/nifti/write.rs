//! Writing single-file NIfTI-1.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use scarce_image::Geometry;

use super::affine::quaternion;
use crate::error::At;
use crate::outgoing::{Outgoing, StoredAs};
use crate::{IoError, write_atomic};

/// Writes one file, gzipped when its name says so. Both sform and qform are set, units are mm.
pub(crate) fn write(path: &Path, outgoing: &Outgoing<'_>) -> Result<(), IoError> {
    let [z, y, x] = outgoing.shape_zyx;
    if [x, y, z].iter().any(|n| *n > 32767) {
        return Err(At(path).unsupported(format!("writing {x}×{y}×{z} voxels as NIfTI-1")));
    }
    let datatype = match outgoing.stored {
        StoredAs::U8 => 2,
        StoredAs::U16 => 512,
        StoredAs::F32 => 16,
    };
    let bytes_a_voxel = outgoing.stored.bytes() as i16;
    let header = header([x, y, z], outgoing.geometry, datatype, bytes_a_voxel);
    let compressed = path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    write_atomic(path, |file| {
        if compressed {
            let mut gzip = GzEncoder::new(file, Compression::fast());
            gzip.write_all(&header)?;
            (outgoing.voxels)(&mut gzip)?;
            gzip.finish().map(drop)
        } else {
            file.write_all(&header)?;
            (outgoing.voxels)(file)
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
