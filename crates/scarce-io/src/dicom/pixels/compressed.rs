//! Pixels in the streams of a codec.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dicom_dictionary_std::{tags, uids};
use dicom_pixeldata::PixelDecoder as _;
use dicom_transfer_syntax_registry::{TransferSyntaxIndex as _, TransferSyntaxRegistry};

use super::samples::{Pixels, interleaved, to_rgb, whole};
use super::stored_bits::Stored;
use super::streams::{self, Codec};
use super::{jpeg_ls, rle};
use crate::IoError;
use crate::dicom::attributes::FileObject;
use crate::dicom::header::ImageHeader;
use crate::error::At;

/// Baseline and extended JPEG.
const LOSSY_JPEG: [&str; 2] = [uids::JPEG_BASELINE8_BIT, uids::JPEG_EXTENDED12_BIT];

pub(super) fn decode_compressed(
    object: &FileObject,
    header: &ImageHeader,
    values: usize,
    at: At<'_>,
) -> Result<Pixels, IoError> {
    let syntax = header.transfer_syntax();
    let stored = Stored::of(header);
    if syntax == uids::RLE_LOSSLESS && [8, 16, 32].contains(&header.bits_allocated) {
        let words = rle::decode(object, header, at)?;
        let mut values = stored.numbers(&words, header.bits_allocated / 8);
        if header.photometric == "YBR_FULL" {
            values.as_chunks_mut().0.iter_mut().for_each(to_rgb);
        }
        return Ok(Pixels {
            values,
            stored_type: stored.name(header.bits_allocated),
            colours: header.samples == 3,
        });
    }
    let codec = Codec::of(syntax);
    if codec == Some(Codec::JpegLs) {
        let words = jpeg_ls::decode(object, header, at)?;
        return Ok(Pixels {
            values: stored.numbers(&words, header.bits_allocated / 8),
            stored_type: stored.name(header.bits_allocated),
            colours: false,
        });
    }
    // JPEG XL and films have no codec here.
    if let Some(known) = TransferSyntaxRegistry.get(syntax)
        && !known.can_decode_all()
    {
        return Err(at.unsupported(format!("DICOM compressed by {}", known.name())));
    }
    if let Some(codec) = codec {
        streams::frames(codec, object, header, at)?;
    }
    if header.photometric == "RGB" && LOSSY_JPEG.contains(&syntax) && !says_its_colours(object) {
        // The codec would guess that they are luminance and chrominance.
        return Err(at.unsupported("a JPEG in RGB that does not say so"));
    }
    // Some codecs index beyond damaged data.
    let decoded = catch_unwind(AssertUnwindSafe(|| object.decode_pixel_data()))
        .map_err(|_| at.dicom("the codec gave up on damaged pixel data"))?
        .map_err(|error| at.dicom_error(&error))?;
    let bytes = usize::from(decoded.bits_allocated()) / 8;
    if ![1, 2, 4].contains(&bytes) {
        let what = format!("DICOM of {} bits after decoding", decoded.bits_allocated());
        return Err(at.unsupported(what));
    }
    let data = whole(decoded.data(), values * bytes, at)?;
    let mut values = stored.numbers(data, bytes);
    let planar = decoded.planar_configuration() == dicom_pixeldata::PlanarConfiguration::PixelFirst;
    if header.samples > 1 && planar {
        values = interleaved(&values, header.pixels(), header.samples);
    }
    if decoded.photometric_interpretation().as_str() == "YBR_FULL" {
        values.as_chunks_mut().0.iter_mut().for_each(to_rgb);
    }
    Ok(Pixels {
        values,
        stored_type: stored.name(header.bits_allocated),
        colours: header.samples == 3,
    })
}

/// Whether the JPEG stream itself tells its colour space, by Adobe's marker or by its components' names.
fn says_its_colours(object: &FileObject) -> bool {
    let fragments = object
        .get(tags::PIXEL_DATA)
        .and_then(|element| element.fragments());
    fragments
        .and_then(<[_]>::first)
        .is_some_and(|stream: &Vec<u8>| {
            let header = &stream[..stream.len().min(4096)];
            let holds = |part: &[u8]| header.windows(part.len()).any(|window| window == part);
            holds(b"Adobe") || holds(b"R\x11\0G")
        })
}
