//! Objects from files, with their pixels or without.

use std::path::Path;

use super::attributes::FileObject;
use super::header::ImageHeader;
use super::parse::parse;
use super::walk::Pixels;
use crate::content::read_whole;
use crate::error::At;
use crate::provenance::Warnings;
use crate::{IoError, ReadOptions};

/// The header of a file; none when it is no image.
pub(super) fn read_header(
    path: &Path,
    options: &ReadOptions,
) -> Result<Option<ImageHeader>, IoError> {
    let bytes = read_whole(path, options)?;
    let parsed = parse(&bytes, Pixels::PassOver, options, At(path))?;
    ImageHeader::read(&parsed.object, options, At(path))
}

/// Reads an object with its pixels.
pub(super) fn read_object(
    path: &Path,
    options: &ReadOptions,
    warnings: &mut Warnings,
) -> Result<FileObject, IoError> {
    let bytes = read_whole(path, options)?;
    let parsed = parse(&bytes, Pixels::Keep, options, At(path))?;
    if parsed.dirt_bytes > 0 {
        let message = "bytes behind the pixels that are no DICOM elements were left out";
        warnings.add_many("trailing-bytes", message, parsed.dirt_bytes);
    }
    Ok(parsed.object)
}
