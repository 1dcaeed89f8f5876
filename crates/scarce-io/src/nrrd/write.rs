//! Writing attached, gzipped NRRD in RAS.

use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::outgoing::{Outgoing, StoredAs};
use crate::{IoError, write_atomic};

pub(crate) fn write(path: &Path, outgoing: &Outgoing<'_>) -> Result<(), IoError> {
    let [z, y, x] = outgoing.shape_zyx;
    let stored = match outgoing.stored {
        StoredAs::U8 => "uint8",
        StoredAs::U16 => "uint16",
        StoredAs::F32 => "float",
    };
    let affine = outgoing.geometry.world_from_voxel();
    let vector = |v: glam::DVec3| format!("({},{},{})", v.x, v.y, v.z);
    let m = affine.matrix3;
    let directions = [m.x_axis, m.y_axis, m.z_axis].map(vector).join(" ");
    let header = format!(
        "NRRD0004\ntype: {stored}\ndimension: 3\nspace: right-anterior-superior\nsizes: {x} {y} {z}\n\
         space directions: {directions}\nkinds: domain domain domain\nendian: little\n\
         encoding: gzip\nspace origin: {}\n\n",
        vector(affine.translation)
    );
    write_atomic(path, |file| {
        file.write_all(header.as_bytes())?;
        let mut gzip = GzEncoder::new(file, Compression::fast());
        (outgoing.voxels)(&mut gzip)?;
        gzip.finish().map(drop)
    })
}
