//! JPEG, decoded strictly. The `image` crate's decoder makes the best of damaged data, which is not
//! what the file held. Without a checksum not all damage inside of a JPEG can be told.

use std::path::Path;

use image::{DynamicImage, GrayImage, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::completeness::picture_error;
use crate::IoError;

/// Grey stays grey, everything else becomes RGB. The size was compared with the budget before.
pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<DynamicImage, IoError> {
    let side = usize::from(u16::MAX);
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(side)
        .set_max_height(side);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder
        .decode_headers()
        .map_err(|error| picture_error(format!("{error:?}"), path))?;
    let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let space = if is_grey {
        ColorSpace::Luma
    } else {
        ColorSpace::RGB
    };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(space));
    let pixels = decoder
        .decode()
        .map_err(|error| picture_error(format!("{error:?}"), path))?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let (width, height) = (width as u32, height as u32);
    let picture = if is_grey {
        GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
    };
    picture.ok_or_else(|| picture_error("another count of pixels than its size says", path))
}
