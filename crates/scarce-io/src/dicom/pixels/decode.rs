//! Every frame of an object as numbers.

use dicom_dictionary_std::tags;

use super::compressed::decode_compressed;
use super::native::decode_native;
use super::samples::{Pixels, element_bytes, whole};
use crate::dicom::attributes::FileObject;
use crate::dicom::header::ImageHeader;
use crate::dicom::transfer_syntax::is_compressed;
use crate::error::At;
use crate::{IoError, ReadOptions};

/// Decodes every frame; the rescale is not applied, MONOCHROME1 not inverted.
pub(crate) fn decode(
    object: &FileObject,
    header: &ImageHeader,
    options: &ReadOptions,
    at: At<'_>,
) -> Result<Pixels, IoError> {
    let values = header.pixels() as u128 * header.samples as u128 * header.frames as u128;
    let needed = values * (header.bits_allocated.div_ceil(8) as u128 + 4);
    if needed > u128::from(options.max_alloc_bytes) {
        return Err(at.budget(needed, options.max_alloc_bytes));
    }
    let values = values as usize;
    for (tag, bytes, stored_type) in [
        (tags::FLOAT_PIXEL_DATA, 4, "float32"),
        (tags::DOUBLE_FLOAT_PIXEL_DATA, 8, "float64"),
    ] {
        if let Some(data) = element_bytes(object, tag, at)? {
            let data = whole(&data, values * bytes, at)?;
            let values = if bytes == 4 {
                data.as_chunks()
                    .0
                    .iter()
                    .map(|v| f32::from_ne_bytes(*v))
                    .collect()
            } else {
                data.as_chunks()
                    .0
                    .iter()
                    .map(|v| f64::from_ne_bytes(*v) as f32)
                    .collect()
            };
            return Ok(Pixels {
                values,
                stored_type,
                colours: false,
            });
        }
    }
    match header.photometric.as_str() {
        "MONOCHROME1" | "MONOCHROME2" | "RGB" | "YBR_FULL" | "YBR_FULL_422" | "YBR_ICT"
        | "YBR_RCT" => {}
        other => return Err(at.unsupported(format!("DICOM colours of {other}"))),
    }
    if is_compressed(header) {
        decode_compressed(object, header, values, at)
    } else {
        decode_native(object, header, values, at)
    }
}
