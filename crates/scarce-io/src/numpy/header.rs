//! The header of a `.npy`: magic, version, a Python dictionary of three keys.

use std::io::Read;

use crate::IoError;
use crate::error::At;
use crate::stored::{StoredType, read_up_to};

/// Headers beyond this are no headers.
const MAX_HEADER_BYTES: usize = 1 << 16;

/// What the dictionary says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NpyHeader {
    pub stored: StoredType,
    pub big_endian: bool,
    pub fortran_order: bool,
    pub shape: Vec<usize>,
}

/// Reads the header; the stream then stands at the values.
pub(super) fn read_header(stream: &mut dyn Read, at: At<'_>) -> Result<NpyHeader, IoError> {
    let start = read_up_to(stream, 8, at.0)?;
    if start.len() < 8 {
        return Err(at.truncated("header", 8, start.len()));
    }
    let width = match start[6] {
        1 => 2,
        2 | 3 => 4,
        version => return Err(at.header("version", "1, 2 or 3", version)),
    };
    let mut length = read_up_to(stream, width, at.0)?;
    if length.len() < width {
        return Err(at.truncated("header", 8 + width, 8 + length.len()));
    }
    length.resize(4, 0);
    let length = length
        .iter()
        .rev()
        .fold(0usize, |n, byte| n << 8 | usize::from(*byte));
    if length > MAX_HEADER_BYTES {
        return Err(at.header("header length", "up to 64 KiB", length));
    }
    let text = read_up_to(stream, length, at.0)?;
    if text.len() < length {
        return Err(at.truncated("header", length, text.len()));
    }
    parse(&String::from_utf8_lossy(&text), at)
}

fn parse(text: &str, at: At<'_>) -> Result<NpyHeader, IoError> {
    let value = |key: &str| {
        let quoted = [format!("'{key}':"), format!("\"{key}\":")];
        let found = quoted.iter().find_map(|q| text.split_once(q.as_str()));
        found
            .map(|(_, rest)| rest.trim_start())
            .ok_or_else(|| at.header(key, "a value", "nothing"))
    };
    let descr = value("descr")?;
    let descr = descr
        .strip_prefix(['\'', '"'])
        .and_then(|rest| rest.split(['\'', '"']).next())
        .ok_or_else(|| at.unsupported("NPY of records"))?;
    let (order, kind) = descr.split_at_checked(1).unwrap_or_default();
    let stored = match kind {
        "b1" => StoredType::Bool,
        "u1" => StoredType::U8,
        "i1" => StoredType::I8,
        "u2" => StoredType::U16,
        "i2" => StoredType::I16,
        "u4" => StoredType::U32,
        "i4" => StoredType::I32,
        "u8" => StoredType::U64,
        "i8" => StoredType::I64,
        "f4" => StoredType::F32,
        "f8" => StoredType::F64,
        _ => return Err(at.unsupported(format!("NPY of type {descr:?}"))),
    };
    let fortran_order = value("fortran_order")?.starts_with("True");
    let shape = value("shape")?;
    let inner = shape
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .ok_or_else(|| at.header("shape", "a tuple", shape))?
        .0;
    let shape = inner
        .split(',')
        .map(str::trim)
        .filter(|n| !n.is_empty())
        .map(|n| {
            n.parse()
                .map_err(|_| at.header("shape", "integers from 0", inner))
        })
        .collect::<Result<_, _>>()?;
    Ok(NpyHeader {
        stored,
        big_endian: order == ">",
        fortran_order,
        shape,
    })
}
