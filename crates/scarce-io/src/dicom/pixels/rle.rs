//! RLE frames (PS3.5, annex G). The codec of `dicom-pixeldata` reads 8 and 16 bits; dose grids have 32.

use dicom_dictionary_std::tags;

use crate::IoError;
use crate::dicom::attributes::FileObject;
use crate::dicom::header::ImageHeader;
use crate::error::At;

/// Fifteen segments at most, their number and their places in a header of 64 bytes.
const HEADER_BYTES: usize = 64;

/// The words of all frames in this machine's byte order, samples of a pixel together.
pub(super) fn decode(
    object: &FileObject,
    header: &ImageHeader,
    at: At<'_>,
) -> Result<Vec<u8>, IoError> {
    let fragments = object
        .get(tags::PIXEL_DATA)
        .and_then(|element| element.fragments())
        .ok_or_else(|| at.header("PixelData", "fragments of compressed frames", "none"))?;
    if fragments.len() != header.frames {
        let got = format!("{} for {} frames", fragments.len(), header.frames);
        return Err(at.header("PixelData", "a fragment for each frame", got));
    }
    let bytes_a_word = header.bits_allocated / 8;
    let bytes_a_pixel = bytes_a_word * header.samples;
    let mut words = vec![0; header.frames * header.pixels() * bytes_a_pixel];
    let frames = words.chunks_exact_mut(header.pixels() * bytes_a_pixel);
    for (fragment, frame) in fragments.iter().zip(frames) {
        let segments = segments(fragment, bytes_a_pixel, at)?;
        for (number, segment) in segments.into_iter().enumerate() {
            // Segments go from a word's highest byte to its lowest.
            let (sample, byte) = (number / bytes_a_word, number % bytes_a_word);
            let place = if cfg!(target_endian = "little") {
                bytes_a_word - 1 - byte
            } else {
                byte
            };
            let plane = unpack(segment, header.pixels(), at)?;
            let pixels = frame.chunks_exact_mut(bytes_a_pixel);
            for (pixel, value) in pixels.zip(plane) {
                pixel[sample * bytes_a_word + place] = value;
            }
        }
    }
    Ok(words)
}

fn segments<'a>(fragment: &'a [u8], expected: usize, at: At<'_>) -> Result<Vec<&'a [u8]>, IoError> {
    let Some(head) = fragment.first_chunk::<HEADER_BYTES>() else {
        return Err(at.truncated("an RLE header", HEADER_BYTES, fragment.len()));
    };
    let numbers: Vec<usize> = (head.as_chunks().0.iter())
        .map(|bytes| u32::from_le_bytes(*bytes) as usize)
        .collect();
    let (count, places) = (numbers[0], &numbers[1..]);
    if count != expected || count > places.len() {
        return Err(at.header("RLE segments", "one for each byte of a pixel", count));
    }
    (0..count)
        .map(|number| {
            let end = if number + 1 < count {
                places[number + 1]
            } else {
                fragment.len()
            };
            fragment
                .get(places[number].max(HEADER_BYTES)..end)
                .ok_or_else(|| {
                    let got = format!("{} to {end} of {}", places[number], fragment.len());
                    at.header("RLE segments", "places within the fragment", got)
                })
        })
        .collect()
}

/// Undoes `PackBits`. What follows the last pixel is padding.
fn unpack(mut packed: &[u8], pixels: usize, at: At<'_>) -> Result<Vec<u8>, IoError> {
    let mut plane = Vec::with_capacity(pixels);
    while plane.len() < pixels {
        let left = pixels - plane.len();
        match packed {
            [count @ 0..=127, rest @ ..] if rest.len() > usize::from(*count) => {
                let (run, rest) = rest.split_at(usize::from(*count) + 1);
                plane.extend_from_slice(&run[..run.len().min(left)]);
                packed = rest;
            }
            [128, rest @ ..] => packed = rest,
            [count @ 129..=255, value, rest @ ..] => {
                let run = 257 - usize::from(*count);
                plane.resize(plane.len() + run.min(left), *value);
                packed = rest;
            }
            _ => return Err(at.truncated("an RLE segment", pixels, plane.len())),
        }
    }
    Ok(plane)
}
