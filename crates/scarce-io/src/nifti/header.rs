//! The header fields that both versions have.

use std::io::Read;

use nifti::NiftiHeader;

use crate::IoError;
use crate::error::At;
use crate::stored::read_up_to;

/// Bytes of a version 1 header.
const V1_BYTES: usize = 348;
/// Bytes of a version 2 header.
const V2_BYTES: usize = 540;

/// The fields that matter, in the wider types of version 2.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    pub version: u8,
    pub big_endian: bool,
    /// Voxels in the same file.
    pub single_file: bool,
    pub dim: [i64; 8],
    pub datatype: i16,
    pub bitpix: i16,
    pub pixdim: [f64; 8],
    pub vox_offset: f64,
    pub scl_slope: f64,
    pub scl_inter: f64,
    pub xyzt_units: i32,
    pub qform_code: i32,
    pub sform_code: i32,
    pub quatern_bcd: [f64; 3],
    pub qoffset: [f64; 3],
    pub srow: [[f64; 4]; 3],
}

impl Header {
    /// Bytes of the header itself.
    pub(super) fn bytes(&self) -> usize {
        if self.version == 1 {
            V1_BYTES
        } else {
            V2_BYTES
        }
    }

    /// Of the axes of space that the header has.
    pub(super) fn spacing(&self) -> &[f64] {
        let used = self.dim[0].clamp(1, 3) as usize;
        &self.pixdim[1..=used]
    }

    /// Reads either version; the stream then stands behind the header.
    pub(super) fn read(stream: &mut dyn Read, at: At<'_>) -> Result<Self, IoError> {
        let mut bytes = read_up_to(stream, 4, at.0)?;
        let Some(size) = bytes.first_chunk::<4>().copied() else {
            return Err(at.truncated("header", V1_BYTES, bytes.len()));
        };
        let v1 = V1_BYTES as i32;
        let is_v1 = [v1.to_le_bytes(), v1.to_be_bytes()].contains(&size);
        let length = if is_v1 { V1_BYTES } else { V2_BYTES };
        bytes.extend(read_up_to(stream, length - 4, at.0)?);
        if bytes.len() < length {
            return Err(at.truncated("header", length, bytes.len()));
        }
        let big_endian = size == (length as i32).to_be_bytes();
        if is_v1 {
            version_1(&bytes, big_endian, at)
        } else {
            version_2(&bytes, big_endian, at)
        }
    }
}

fn version_1(bytes: &[u8], big_endian: bool, at: At<'_>) -> Result<Header, IoError> {
    let single_file = match &bytes[344..348] {
        b"n+1\0" => true,
        b"ni1\0" => false,
        [0, 0, 0, 0] => {
            let what = "Analyze 7.5, which does not tell left from right,";
            return Err(at.unsupported(what));
        }
        magic => {
            let got = String::from_utf8_lossy(magic).escape_debug().to_string();
            return Err(at.header("magic", "\"n+1\\0\" or \"ni1\\0\"", got));
        }
    };
    // nifti guesses the byte order from dim[0]; a lie there would turn all fields around.
    let dimensions = if big_endian {
        u16::from_be_bytes([bytes[40], bytes[41]])
    } else {
        u16::from_le_bytes([bytes[40], bytes[41]])
    };
    if !(1..=7).contains(&dimensions) {
        return Err(at.header("dim[0]", "1 to 7", dimensions));
    }
    let header = NiftiHeader::from_reader(bytes)
        .map_err(|error| at.header("header", "a NIfTI-1 header", error))?;
    Ok(Header {
        version: 1,
        big_endian,
        single_file,
        // dim is signed in the standard; a negative one must not look like a large one.
        dim: header.dim.map(|n| i64::from(n.cast_signed())),
        datatype: header.datatype,
        bitpix: header.bitpix,
        pixdim: header.pixdim.map(f64::from),
        vox_offset: f64::from(header.vox_offset),
        scl_slope: f64::from(header.scl_slope),
        scl_inter: f64::from(header.scl_inter),
        xyzt_units: i32::from(header.xyzt_units),
        qform_code: i32::from(header.qform_code),
        sform_code: i32::from(header.sform_code),
        quatern_bcd: [header.quatern_b, header.quatern_c, header.quatern_d].map(f64::from),
        qoffset: [header.quatern_x, header.quatern_y, header.quatern_z].map(f64::from),
        srow: [header.srow_x, header.srow_y, header.srow_z].map(|row| row.map(f64::from)),
    })
}

/// Field offsets: `nifti2.h` of the format's authors.
fn version_2(bytes: &[u8], big_endian: bool, at: At<'_>) -> Result<Header, IoError> {
    let single_file = match &bytes[4..8] {
        b"n+2\0" => true,
        b"ni2\0" => false,
        magic => {
            let got = String::from_utf8_lossy(magic).escape_debug().to_string();
            return Err(at.header("magic", "\"n+2\\0\" or \"ni2\\0\"", got));
        }
    };
    // What a transfer in text mode would have changed.
    if bytes[8..12] != [0x0d, 0x0a, 0x1a, 0x0a] {
        let got = format!("{:02x?}", &bytes[8..12]);
        return Err(at.header("magic[4..8]", "0d 0a 1a 0a", got));
    }
    let f = Fields { bytes, big_endian };
    let dim = [0, 1, 2, 3, 4, 5, 6, 7].map(|k| f.i64(16 + 8 * k));
    if !(1..=7).contains(&dim[0]) {
        return Err(at.header("dim[0]", "1 to 7", dim[0]));
    }
    Ok(Header {
        version: 2,
        big_endian,
        single_file,
        dim,
        datatype: f.i16(12),
        bitpix: f.i16(14),
        pixdim: [0, 1, 2, 3, 4, 5, 6, 7].map(|k| f.f64(104 + 8 * k)),
        vox_offset: f.i64(168) as f64,
        scl_slope: f.f64(176),
        scl_inter: f.f64(184),
        qform_code: f.i32(344),
        sform_code: f.i32(348),
        quatern_bcd: [352, 360, 368].map(|o| f.f64(o)),
        qoffset: [376, 384, 392].map(|o| f.f64(o)),
        srow: [400, 432, 464].map(|o| [0, 8, 16, 24].map(|k| f.f64(o + k))),
        xyzt_units: f.i32(500),
    })
}

/// Numbers at offsets of a header that is long enough.
struct Fields<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Fields<'_> {
    fn at<const N: usize>(&self, offset: usize) -> [u8; N] {
        let mut field = [0; N];
        field.copy_from_slice(&self.bytes[offset..offset + N]);
        if self.big_endian {
            field.reverse();
        }
        field
    }

    fn i16(&self, offset: usize) -> i16 {
        i16::from_le_bytes(self.at(offset))
    }

    fn i32(&self, offset: usize) -> i32 {
        i32::from_le_bytes(self.at(offset))
    }

    fn i64(&self, offset: usize) -> i64 {
        i64::from_le_bytes(self.at(offset))
    }

    fn f64(&self, offset: usize) -> f64 {
        f64::from_le_bytes(self.at(offset))
    }
}
