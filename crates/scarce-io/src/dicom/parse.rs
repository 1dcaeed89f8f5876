//! From bytes to an object. Built from `dicom-parser`'s headers rather than by `dicom-object`, which
//! asks for memory by the length that a header tells before it knows of so many bytes, and a damaged
//! one tells of 4 GiB.

use std::io::{Cursor, Read as _};

use dicom_core::header::HasLength as _;
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::Decode as _;
use dicom_encoding::decode::file_header_decoder;
use dicom_object::FileMetaTable;
use flate2::read::DeflateDecoder;

use super::attributes::FileObject;
use super::walk::{Pixels, SMALLEST_HEADER_BYTES, Walk};
use crate::error::At;
use crate::{IoError, ReadOptions};

/// The bytes before the file meta information: a preamble and the magic.
const PREAMBLE_BYTES: usize = 132;

const MAGIC: &[u8] = b"DICM";

/// An object, and what is odd about its file.
pub(super) struct Parsed {
    pub object: FileObject,
    /// Bytes behind the pixels that are no elements; some writers leave padding or dirt there.
    pub dirt_bytes: usize,
}

/// Reads all elements up to the pixels and these, and walks over what follows.
pub(super) fn parse(
    bytes: &[u8],
    pixels: Pixels,
    options: &ReadOptions,
    at: At<'_>,
) -> Result<Parsed, IoError> {
    let has_preamble = bytes.get(PREAMBLE_BYTES - MAGIC.len()..PREAMBLE_BYTES) == Some(MAGIC);
    // Old files start with the file meta information, without a magic.
    let meta_start = if has_preamble { PREAMBLE_BYTES } else { 0 };
    let meta_end = end_of_file_meta(bytes, meta_start, at)?;
    let meta = FileMetaTable::from_reader(MAGIC.chain(&bytes[meta_start..meta_end]))
        .map_err(|error| at.dicom_error(&error))?;
    let syntax = meta.transfer_syntax().trim_end_matches(['\0', ' ']);
    let (object, dirt_bytes) = if syntax == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
        let inflated = inflate(&bytes[meta_end..], options, at)?;
        Walk::new(&inflated, 0, uids::EXPLICIT_VR_LITTLE_ENDIAN, pixels, at)?.object()?
    } else {
        Walk::new(bytes, meta_end, syntax, pixels, at)?.object()?
    };
    Ok(Parsed {
        object: object.with_exact_meta(meta),
        dirt_bytes,
    })
}

/// Where the data set starts, if all of the file meta information is there.
fn end_of_file_meta(bytes: &[u8], start: usize, at: At<'_>) -> Result<usize, IoError> {
    let mut reader = Cursor::new(bytes);
    reader.set_position(start as u64);
    let mut end = None;
    loop {
        let position = reader.position() as usize;
        if end.is_some_and(|end| position >= end) {
            return Ok(position);
        }
        let cut = |expected| at.truncated("file meta information", expected, bytes.len());
        let (element, _) = file_header_decoder()
            .decode_header(&mut reader)
            .map_err(|_| cut(position + SMALLEST_HEADER_BYTES))?;
        let length = element.length().get();
        let length = length.ok_or_else(|| at.header("file meta", "defined lengths", "none"))?;
        let value = reader.position() as usize;
        let next = value + length as usize;
        let content = bytes.get(value..next).ok_or_else(|| cut(next))?;
        if end.is_none() {
            let length = Some(content)
                .filter(|_| element.tag == tags::FILE_META_INFORMATION_GROUP_LENGTH)
                .and_then(<[u8]>::first_chunk)
                .ok_or_else(|| {
                    let got = format!("{} first", element.tag);
                    at.header("file meta", "its length in its first element", got)
                })?;
            end = Some(next + u32::from_le_bytes(*length) as usize);
        }
        reader.set_position(next as u64);
    }
}

/// The data set of a deflated file, as far as the budget goes.
fn inflate(deflated: &[u8], options: &ReadOptions, at: At<'_>) -> Result<Vec<u8>, IoError> {
    let budget = options.max_alloc_bytes;
    let mut inflated = Vec::new();
    DeflateDecoder::new(deflated)
        .take(budget.saturating_add(1))
        .read_to_end(&mut inflated)
        .map_err(|error| at.dicom(format!("deflated data set: {error}")))?;
    if inflated.len() as u64 > budget {
        return Err(at.budget(inflated.len() as u128, budget));
    }
    Ok(inflated)
}
