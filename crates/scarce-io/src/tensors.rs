//! Arrays as safetensors, for frameworks that read it in one line.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};

use crate::outgoing::{Outgoing, StoredAs};
use crate::{IoError, write_atomic};

/// Writes the tensor `voxels` `(z, y, x)`; the metadata's `world_from_voxel` holds the affine's three
/// rows, voxel `(x, y, z)` to RAS mm.
pub(crate) fn write(path: &Path, outgoing: &Outgoing<'_>) -> Result<(), IoError> {
    write_atomic(path, |file| {
        let mut bytes = Vec::new();
        (outgoing.voxels)(&mut bytes)?;
        let dtype = match outgoing.stored {
            StoredAs::U8 => Dtype::U8,
            StoredAs::U16 => Dtype::U16,
            StoredAs::F32 => Dtype::F32,
        };
        let tensor = TensorView::new(dtype, outgoing.shape_zyx.to_vec(), &bytes)
            .map_err(io::Error::other)?;
        let affine = outgoing.geometry.world_from_voxel();
        let (m, t) = (affine.matrix3, affine.translation);
        let row = |r: usize| format!("{} {} {} {}", m.x_axis[r], m.y_axis[r], m.z_axis[r], t[r]);
        let rows = [row(0), row(1), row(2)].join("; ");
        let metadata = HashMap::from([("world_from_voxel".to_owned(), rows)]);
        let whole = safetensors::serialize([("voxels", tensor)], Some(metadata))
            .map_err(io::Error::other)?;
        file.write_all(&whole)
    })
}
