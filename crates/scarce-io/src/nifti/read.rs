//! Reading the header.

use std::io::Read;
use std::path::Path;

use nifti::NiftiHeader;
use scarce_image::Geometry;

use super::affine::{Source, world_from_voxel};
use crate::IoError;
use crate::stored::{Layout, StoredType, read_up_to};

const HEADER_BYTES: usize = 348;

/// Whether a file's first bytes are the size field of a NIfTI header, of either version or order.
pub(crate) fn looks_like_header(start: &[u8]) -> bool {
    let Some(&[a, b, c, d]) = start.first_chunk::<4>() else {
        return false;
    };
    [348, 540]
        .iter()
        .any(|size: &i32| [size.to_le_bytes(), size.to_be_bytes()].contains(&[a, b, c, d]))
}

/// Reads the header and skips to the voxels.
pub(crate) fn read_layout(stream: &mut dyn Read, path: &Path) -> Result<Layout, IoError> {
    let at = At(path);
    let (header, big_endian) = read_header(stream, &at)?;
    let shape_xyz = shape(&header, &at)?;
    let stored = stored_type(&header, &at)?;
    let geometry = geometry(&header, shape_xyz, path)?;

    let offset = header.vox_offset;
    if !((348.0..=1e9).contains(&offset) && offset.fract() == 0.0) {
        return Err(at.header("vox_offset", "an integer from 348", offset.to_string()));
    }
    // What lies between are extensions, of no meaning for the voxels.
    let between = offset as usize - HEADER_BYTES;
    let skipped = read_up_to(stream, between, path)?.len();
    if skipped < between {
        return Err(at.truncated("header extensions", between, skipped));
    }
    // A slope of 0 means that there is none; NaN is how several tools write the same.
    let scaled = header.scl_slope.is_finite() && header.scl_slope != 0.0;
    let (slope, intercept) = if scaled {
        let intercept = if header.scl_inter.is_finite() {
            header.scl_inter
        } else {
            0.0
        };
        (f64::from(header.scl_slope), f64::from(intercept))
    } else {
        (1.0, 0.0)
    };
    Ok(Layout {
        shape_xyz,
        geometry,
        stored,
        big_endian,
        slope,
        intercept,
    })
}

/// The header, and whether the file is big-endian.
fn read_header(stream: &mut dyn Read, at: &At<'_>) -> Result<(NiftiHeader, bool), IoError> {
    let bytes = read_up_to(stream, HEADER_BYTES, at.0)?;
    if bytes.len() < HEADER_BYTES {
        return Err(at.truncated("header", HEADER_BYTES, bytes.len()));
    }
    let size = [bytes[0], bytes[1], bytes[2], bytes[3]];
    if [540i32.to_le_bytes(), 540i32.to_be_bytes()].contains(&size) {
        return Err(at.unsupported("NIfTI-2".to_owned()));
    }
    let big_endian = size == 348i32.to_be_bytes();
    match &bytes[344..348] {
        b"n+1\0" => {}
        b"ni1\0" => return Err(at.unsupported("NIfTI-1 as a .hdr/.img pair".to_owned())),
        magic => {
            let got = String::from_utf8_lossy(magic).escape_debug().to_string();
            return Err(at.header("magic", "\"n+1\\0\"", got));
        }
    }
    // nifti guesses the byte order from dim[0]; a lie there would turn all fields around.
    let dimensions = if big_endian {
        u16::from_be_bytes([bytes[40], bytes[41]])
    } else {
        u16::from_le_bytes([bytes[40], bytes[41]])
    };
    if !(1..=7).contains(&dimensions) {
        return Err(at.header("dim[0]", "1 to 7", dimensions.to_string()));
    }
    NiftiHeader::from_reader(bytes.as_slice())
        .map(|header| (header, big_endian))
        .map_err(|error| at.header("header", "a NIfTI-1 header", error.to_string()))
}

fn shape(header: &NiftiHeader, at: &At<'_>) -> Result<[usize; 3], IoError> {
    let dimensions = usize::from(header.dim[0]);
    let mut shape = [1usize; 7];
    for (axis, n) in shape.iter_mut().enumerate().take(dimensions) {
        let dim = header.dim[axis + 1];
        if dim == 0 || dim > 32767 {
            return Err(at.header(&format!("dim[{}]", axis + 1), "1 to 32767", dim.to_string()));
        }
        *n = usize::from(dim);
    }
    if shape[3..].iter().any(|n| *n != 1) {
        let shape = &shape[..dimensions];
        return Err(at.unsupported(format!("a series of volumes, shape {shape:?} (x, y, z, …)")));
    }
    Ok([shape[0], shape[1], shape[2]])
}

fn stored_type(header: &NiftiHeader, at: &At<'_>) -> Result<StoredType, IoError> {
    let stored = match header.datatype {
        2 => StoredType::U8,
        4 => StoredType::I16,
        8 => StoredType::I32,
        16 => StoredType::F32,
        64 => StoredType::F64,
        256 => StoredType::I8,
        512 => StoredType::U16,
        768 => StoredType::U32,
        1024 => StoredType::I64,
        1280 => StoredType::U64,
        other => return Err(at.unsupported(format!("NIfTI datatype {other}"))),
    };
    if header.bitpix != 0 && usize::from(header.bitpix.unsigned_abs()) != 8 * stored.bytes() {
        return Err(at.header("bitpix", "the datatype's size", header.bitpix.to_string()));
    }
    Ok(stored)
}

fn geometry(header: &NiftiHeader, shape_xyz: [usize; 3], path: &Path) -> Result<Geometry, IoError> {
    let (mut affine, source) = world_from_voxel(header, shape_xyz);
    let mm = match header.xyzt_units & 7 {
        1 => 1000.0,
        3 => 0.001,
        _ => 1.0,
    };
    affine.matrix3 *= mm;
    affine.translation *= mm;
    if source == Source::Spacing {
        tracing::warn!(
            "neither sform nor qform is set; the volume is centred at the origin: {}",
            path.display()
        );
    }
    Geometry::new(affine).map_err(|source| IoError::Geometry {
        source,
        path: path.to_owned(),
    })
}

/// Makes errors about one file.
struct At<'a>(&'a Path);

impl At<'_> {
    fn header(&self, field: &str, expected: &'static str, got: String) -> IoError {
        IoError::Header {
            field: field.to_owned(),
            expected,
            got,
            path: self.0.to_owned(),
        }
    }

    fn unsupported(&self, what: String) -> IoError {
        IoError::Unsupported {
            what,
            path: self.0.to_owned(),
        }
    }

    fn truncated(&self, what: &'static str, expected: usize, got: usize) -> IoError {
        let (expected, got) = (expected as u64, got as u64);
        IoError::Truncated {
            what,
            expected,
            got,
            path: self.0.to_owned(),
        }
    }
}
