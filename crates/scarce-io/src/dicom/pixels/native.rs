//! Pixels that are not compressed.

use std::borrow::Cow;

use dicom_dictionary_std::tags;

use super::samples::{Pixels, element_bytes, interleaved, to_rgb, whole};
use super::stored_bits::Stored;
use crate::IoError;
use crate::dicom::attributes::FileObject;
use crate::dicom::header::ImageHeader;
use crate::dicom::transfer_syntax::BIG_ENDIAN;
use crate::error::At;

pub(super) fn decode_native(
    object: &FileObject,
    header: &ImageHeader,
    values: usize,
    at: At<'_>,
) -> Result<Pixels, IoError> {
    let data = element_bytes(object, tags::PIXEL_DATA, at)?
        .ok_or_else(|| at.header("PixelData", "a value", "nothing"))?;
    if header.photometric == "YBR_FULL_422" {
        return decode_halved_chroma(&data, header, values, at);
    }
    let stored = Stored::of(header);
    if header.bits_allocated == 1 {
        let data = whole(&data, values.div_ceil(8), at)?;
        let bit = |k: usize| f32::from(data[k / 8] >> (k % 8) & 1);
        return Ok(Pixels {
            values: (0..values).map(bit).collect(),
            stored_type: "bit",
            colours: false,
        });
    }
    if !header.bits_allocated.is_multiple_of(8) || ![1, 2, 4].contains(&(header.bits_allocated / 8))
    {
        let what = format!("DICOM of {} bits allocated", header.bits_allocated);
        return Err(at.unsupported(what));
    }
    let mut data = Cow::Borrowed(whole(&data, values * header.bits_allocated / 8, at)?);
    if header.bits_allocated == 32 && header.transfer_syntax() == BIG_ENDIAN {
        // The parser turned 16-bit words around; the two halves of a longer one still have to change.
        data.to_mut()
            .as_chunks_mut::<4>()
            .0
            .iter_mut()
            .for_each(|word| word.rotate_left(2));
    }
    let data = &data;
    let mut values = stored.numbers(data, header.bits_allocated / 8);
    if header.samples > 1 && header.planar {
        values = interleaved(&values, header.pixels(), header.samples);
    }
    if header.photometric == "YBR_FULL" {
        values.as_chunks_mut().0.iter_mut().for_each(to_rgb);
    }
    Ok(Pixels {
        values,
        stored_type: stored.name(header.bits_allocated),
        colours: header.samples == 3,
    })
}

/// Each two pixels of a row lie as two luminances and one pair of chrominances (PS3.3, C.7.6.3.1.2).
fn decode_halved_chroma(
    data: &[u8],
    header: &ImageHeader,
    values: usize,
    at: At<'_>,
) -> Result<Pixels, IoError> {
    let is_even = header.columns.is_multiple_of(2);
    if header.bits_allocated != 8 || header.samples != 3 || header.planar || !is_even {
        let what =
            "YBR_FULL_422 but of 8 bits, three samples together and an even number of columns";
        return Err(at.unsupported(what));
    }
    let pairs = whole(data, values / 3 * 2, at)?.as_chunks().0;
    let mut values: Vec<f32> = pairs
        .iter()
        .flat_map(|[left, right, cb, cr]| [*left, *cb, *cr, *right, *cb, *cr])
        .map(f32::from)
        .collect();
    values.as_chunks_mut().0.iter_mut().for_each(to_rgb);
    Ok(Pixels {
        values,
        stored_type: "uint8",
        colours: true,
    })
}
