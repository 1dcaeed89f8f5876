//! Stored pixels as numbers.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dicom_dictionary_std::{tags, uids};
use dicom_object::Tag;
use dicom_pixeldata::PixelDecoder as _;
use dicom_transfer_syntax_registry::{TransferSyntaxIndex as _, TransferSyntaxRegistry};

use super::attributes::FileObject;
use super::header::ImageHeader;
use super::open::chain;
use super::{rle, streams};
use crate::error::At;
use crate::{IoError, ReadOptions};

/// Explicit VR big endian, retired.
pub(super) const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// Transfer syntaxes whose pixels are not compressed.
const NATIVE: [&str; 4] = [
    uids::IMPLICIT_VR_LITTLE_ENDIAN,
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    BIG_ENDIAN,
    uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
];

/// Baseline and extended JPEG.
const LOSSY_JPEG: [&str; 2] = [uids::JPEG_BASELINE8_BIT, uids::JPEG_EXTENDED12_BIT];

/// Pixels of all frames.
pub(super) struct Pixels {
    /// `(frame, y, x, sample)`.
    pub values: Vec<f32>,
    pub stored_type: &'static str,
    /// RGB after decoding, whatever the file held.
    pub colours: bool,
}

/// Whether a transfer syntax compresses.
pub(super) fn is_compressed(header: &ImageHeader) -> bool {
    !NATIVE.contains(&header.transfer_syntax())
}

/// Decodes every frame; the rescale is not applied, MONOCHROME1 not inverted.
pub(super) fn decode(
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

fn decode_native(
    object: &FileObject,
    header: &ImageHeader,
    values: usize,
    at: At<'_>,
) -> Result<Pixels, IoError> {
    let data = element_bytes(object, tags::PIXEL_DATA, at)?
        .ok_or_else(|| at.header("PixelData", "a value", "nothing"))?;
    if header.photometric == "YBR_FULL_422" {
        return Err(at.unsupported("DICOM colours of YBR_FULL_422 without compression"));
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

fn decode_compressed(
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
    // JPEG-LS and films have no pure-Rust codec.
    if let Some(known) = TransferSyntaxRegistry.get(syntax)
        && !known.can_decode_all()
    {
        return Err(at.unsupported(format!("DICOM compressed by {}", known.name())));
    }
    streams::check(object, header, at)?;
    if header.photometric == "RGB" && LOSSY_JPEG.contains(&syntax) && !says_its_colours(object) {
        // The codec would guess that they are luminance and chrominance.
        return Err(at.unsupported("a JPEG in RGB that does not say so"));
    }
    // Some codecs index beyond damaged data.
    let decoded = catch_unwind(AssertUnwindSafe(|| object.decode_pixel_data()))
        .map_err(|_| at.dicom("the codec gave up on damaged pixel data"))?
        .map_err(|error| at.dicom(chain(&error)))?;
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

/// Which bits of a stored word are the number.
struct Stored {
    bits: usize,
    shift: usize,
    signed: bool,
}

impl Stored {
    fn of(header: &ImageHeader) -> Self {
        Self {
            bits: header.bits_stored,
            shift: header.high_bit + 1 - header.bits_stored,
            signed: header.signed,
        }
    }

    fn name(&self, bits_allocated: usize) -> &'static str {
        match (bits_allocated, self.signed) {
            (8, false) => "uint8",
            (8, true) => "int8",
            (16, false) => "uint16",
            (16, true) => "int16",
            (32, false) => "uint32",
            _ => "int32",
        }
    }

    /// Native-endian words as numbers: what lies beside the stored bits (overlays, dirt) is cut off.
    fn numbers(&self, data: &[u8], bytes: usize) -> Vec<f32> {
        // From the top: shifting left puts the number's own top bit first, shifting right fills with
        // it or with zeros.
        let left = 64 - self.bits - self.shift;
        let right = 64 - self.bits;
        let signed = self.signed;
        let number = move |word: u64| {
            let top = word << left;
            if signed {
                (top.cast_signed() >> right) as f32
            } else {
                (top >> right) as f32
            }
        };
        match bytes {
            1 => data.iter().map(|v| number(u64::from(*v))).collect(),
            2 if self.bits == 16 && !signed => words(data).map(f32::from).collect(),
            2 if self.bits == 16 => words(data).map(|v| f32::from(v.cast_signed())).collect(),
            2 => words(data).map(|v| number(u64::from(v))).collect(),
            _ => {
                let words = data.as_chunks().0.iter();
                words
                    .map(|v| number(u64::from(u32::from_ne_bytes(*v))))
                    .collect()
            }
        }
    }
}

fn words(data: &[u8]) -> impl Iterator<Item = u16> {
    data.as_chunks().0.iter().map(|v| u16::from_ne_bytes(*v))
}

/// An element's bytes in this machine's order.
fn element_bytes<'a>(
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
fn whole<'a>(data: &'a [u8], expected: usize, at: At<'_>) -> Result<&'a [u8], IoError> {
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
fn interleaved(values: &[f32], pixels: usize, samples: usize) -> Vec<f32> {
    let frames = values.chunks_exact(pixels * samples);
    frames
        .flat_map(|frame| {
            (0..pixels).flat_map(move |p| (0..samples).map(move |s| frame[s * pixels + p]))
        })
        .collect()
}

/// `YBR_FULL` of 8 bits: JPEG's equations (ITU-T T.871).
fn to_rgb(pixel: &mut [f32; 3]) {
    let [y, cb, cr] = *pixel;
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    let rgb = [
        y + 1.402 * cr,
        y - 0.344_136 * cb - 0.714_136 * cr,
        y + 1.772 * cb,
    ];
    *pixel = rgb.map(|v| v.round().clamp(0.0, 255.0));
}
