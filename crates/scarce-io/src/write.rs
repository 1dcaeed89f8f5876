//! Volumes to files, the format chosen by the file's name.

use std::io::{self, Write};
use std::path::Path;

use scarce_image::{LabelMap, Mask, Volume};

use crate::error::At;
use crate::outgoing::{Outgoing, StoredAs};
use crate::{IoError, nifti, nrrd, numpy, tensors};

/// Writes 32-bit floats. The name's ending chooses the format: `.nii`, `.nii.gz` and `.nrrd` keep the
/// geometry; `.npy` and `.safetensors` hold the array `(z, y, x)`, the latter with the affine in its
/// metadata.
///
/// # Errors
/// [`IoError::Unsupported`] for another ending or a side too long for the format;
/// [`IoError::System`].
pub fn write_volume(path: &Path, volume: &Volume<f32>) -> Result<(), IoError> {
    write(path, volume, StoredAs::F32, |v, out| {
        out.extend_from_slice(&v.to_le_bytes());
    })
}

/// Writes 16-bit labels, or 8-bit ones where they fit.
///
/// # Errors
/// As [`write_volume`].
pub fn write_label_map(path: &Path, labels: &LabelMap) -> Result<(), IoError> {
    if labels.voxels().iter().all(|label| *label < 256) {
        write(path, labels, StoredAs::U8, |v, out| out.push(*v as u8))
    } else {
        write(path, labels, StoredAs::U16, |v, out| {
            out.extend_from_slice(&v.to_le_bytes());
        })
    }
}

/// Writes a mask as 8-bit 0 and 1.
///
/// # Errors
/// As [`write_volume`].
pub fn write_mask(path: &Path, mask: &Mask) -> Result<(), IoError> {
    write(path, mask, StoredAs::U8, |v, out| out.push(u8::from(*v)))
}

fn write<T>(
    path: &Path,
    volume: &Volume<T>,
    stored: StoredAs,
    encode: impl Fn(&T, &mut Vec<u8>),
) -> Result<(), IoError> {
    let voxels = |out: &mut dyn Write| -> io::Result<()> {
        let mut row = Vec::new();
        for line in volume.voxels().rows() {
            row.clear();
            line.iter().for_each(|v| encode(v, &mut row));
            out.write_all(&row)?;
        }
        Ok(())
    };
    let outgoing = Outgoing {
        shape_zyx: volume.shape_zyx(),
        geometry: volume.geometry(),
        stored,
        voxels: &voxels,
    };
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    if outgoing.shape_zyx.contains(&0) {
        return Err(At(path).unsupported("writing a volume without voxels"));
    }
    if name.ends_with(".nii") || name.ends_with(".nii.gz") {
        nifti::write(path, &outgoing)
    } else if name.ends_with(".nrrd") {
        nrrd::write(path, &outgoing)
    } else if name.ends_with(".npy") {
        numpy::write(path, &outgoing)
    } else if name.ends_with(".safetensors") {
        tensors::write(path, &outgoing)
    } else {
        let what =
            "writing a volume to a name that is not .nii, .nii.gz, .nrrd, .npy or .safetensors";
        Err(At(path).unsupported(what))
    }
}
