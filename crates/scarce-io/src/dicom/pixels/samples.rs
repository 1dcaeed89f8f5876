//! Samples of pixels, complete and in order.

use std::borrow::Cow;

use dicom_object::Tag;

use crate::IoError;
use crate::dicom::attributes::FileObject;
use crate::error::At;

/// Pixels of all frames.
pub(crate) struct Pixels {
    /// `(frame, y, x, sample)`.
    pub values: Vec<f32>,
    pub stored_type: &'static str,
    /// RGB after decoding, whatever the file held.
    pub colours: bool,
}

/// An element's bytes in this machine's order.
pub(super) fn element_bytes<'a>(
    object: &'a FileObject,
    tag: Tag,
    at: At<'_>,
) -> Result<Option<Cow<'a, [u8]>>, IoError> {
    match object.get(tag) {
        None => Ok(None),
        Some(element) => element
            .to_bytes()
            .map(Some)
            .map_err(|error| at.dicom(error)),
    }
}

/// All bytes that the header tells of, and at most one of padding behind them.
pub(super) fn whole<'a>(data: &'a [u8], expected: usize, at: At<'_>) -> Result<&'a [u8], IoError> {
    if data.len() < expected {
        return Err(at.truncated("pixels", expected, data.len()));
    }
    if data.len() > expected.next_multiple_of(2) {
        return Err(IoError::Trailing {
            expected: expected as u64,
            path: at.0.to_owned(),
        });
    }
    Ok(&data[..expected])
}

/// Frames of one plane a sample to pixels with their samples together.
pub(super) fn interleaved(values: &[f32], pixels: usize, samples: usize) -> Vec<f32> {
    let frames = values.chunks_exact(pixels * samples);
    frames
        .flat_map(|frame| {
            (0..pixels).flat_map(move |p| (0..samples).map(move |s| frame[s * pixels + p]))
        })
        .collect()
}

/// `YBR_FULL` of 8 bits: JPEG's equations (ITU-T T.871).
pub(super) fn to_rgb(pixel: &mut [f32; 3]) {
    let [y, cb, cr] = *pixel;
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    let rgb = [
        y + 1.402 * cr,
        y - 0.344_136 * cb - 0.714_136 * cr,
        y + 1.772 * cb,
    ];
    *pixel = rgb.map(|v| v.round().clamp(0.0, 255.0));
}
