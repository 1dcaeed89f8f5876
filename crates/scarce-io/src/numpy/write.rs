//! Writing `.npy`.

use std::path::Path;

use crate::outgoing::{Outgoing, StoredAs};
use crate::{IoError, write_atomic};

/// Version 1.0 of the format, the header padded so that the values start at a multiple of 64.
pub(crate) fn write(path: &Path, outgoing: &Outgoing<'_>) -> Result<(), IoError> {
    let [z, y, x] = outgoing.shape_zyx;
    let descr = match outgoing.stored {
        StoredAs::U8 => "|u1",
        StoredAs::U16 => "<u2",
        StoredAs::F32 => "<f4",
    };
    let dictionary =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({z}, {y}, {x}), }}");
    let length = (10 + dictionary.len() + 1).next_multiple_of(64) - 10;
    let padded = format!("{dictionary:<width$}\n", width = length - 1);
    write_atomic(path, |file| {
        file.write_all(b"\x93NUMPY\x01\x00")?;
        file.write_all(&(length as u16).to_le_bytes())?;
        file.write_all(padded.as_bytes())?;
        (outgoing.voxels)(file)
    })
}
