//! JPEG-LS (ITU-T T.87) of grey pixels, lossless and near-lossless.

use std::panic::catch_unwind;

use super::streams::{Codec, frames};
use crate::IoError;
use crate::dicom::attributes::FileObject;
use crate::dicom::header::ImageHeader;
use crate::error::At;

/// The words of all frames in this machine's order, of as many bytes as are allocated.
pub(super) fn decode(
    object: &FileObject,
    header: &ImageHeader,
    at: At<'_>,
) -> Result<Vec<u8>, IoError> {
    if header.samples > 1 || ![8, 16].contains(&header.bits_allocated) {
        let (samples, bits) = (header.samples, header.bits_allocated);
        let what = format!("DICOM compressed by JPEG-LS, {samples} samples of {bits} bits,");
        return Err(at.unsupported(what));
    }
    let mut words = Vec::with_capacity(header.pixels() * header.frames * header.bits_allocated / 8);
    for fragments in frames(Codec::JpegLs, object, header, at)? {
        let stream = fragments.concat();
        // The codec's sums may leave their type in a damaged stream.
        let (pixels, ..) =
            catch_unwind(|| jpegls::decode(&stream, header.columns as u32, header.rows as u32))
                .map_err(|_| at.dicom("the codec gave up on damaged pixel data"))?
                .map_err(|error| at.dicom_error(&error))?;
        if header.bits_allocated == 8 {
            // The stream's own bits were compared with those that are allocated.
            words.extend(pixels.iter().map(|pixel| *pixel as u8));
        } else {
            words.extend(pixels.iter().flat_map(|pixel| pixel.to_ne_bytes()));
        }
    }
    Ok(words)
}
