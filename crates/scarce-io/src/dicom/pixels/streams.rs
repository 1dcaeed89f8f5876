//! What compressed frames say of themselves. Decoders fill a frame that is cut short, or smaller than
//! the header says, with zeros; here it is refused before they see it.

use dicom_dictionary_std::{tags, uids};

use crate::IoError;
use crate::codestream::{BOXES_START, JPEG_2000_START, JPEG_START, jpeg_2000_frame, jpeg_frame};
use crate::dicom::attributes::FileObject;
use crate::dicom::header::ImageHeader;
use crate::error::At;

/// JPEG streams.
const JPEG: [&str; 4] = [
    uids::JPEG_BASELINE8_BIT,
    uids::JPEG_EXTENDED12_BIT,
    uids::JPEG_LOSSLESS,
    uids::JPEG_LOSSLESS_SV1,
];

/// JPEG 2000 streams, those of its high-throughput part too.
const JPEG_2000: [&str; 5] = [
    uids::JPEG2000_LOSSLESS,
    uids::JPEG2000,
    uids::HTJ2K_LOSSLESS,
    uids::HTJ2K_LOSSLESS_RPCL,
    uids::HTJ2K,
];

/// The last marker of either.
const END: [u8; 2] = [0xff, 0xd9];

/// Checks that there are as many frames as the header says, each of its size and with its end.
/// Streams of other codecs are left to these.
pub(super) fn check(object: &FileObject, header: &ImageHeader, at: At<'_>) -> Result<(), IoError> {
    let syntax = header.transfer_syntax();
    let is_jpeg = JPEG.contains(&syntax);
    if !is_jpeg && !JPEG_2000.contains(&syntax) {
        return Ok(());
    }
    let fragments = object
        .get(tags::PIXEL_DATA)
        .and_then(|element| element.fragments())
        .ok_or_else(|| at.header("PixelData", "fragments of compressed frames", "none"))?;
    let starts = |fragment: &[u8]| {
        let magics: &[&[u8]] = if is_jpeg {
            &[JPEG_START]
        } else {
            &[JPEG_2000_START, BOXES_START]
        };
        magics.iter().any(|magic| fragment.starts_with(magic))
    };
    // A frame may lie in several fragments, of which the first has the stream's magic.
    let mut streams: Vec<Vec<&[u8]>> = Vec::new();
    for fragment in fragments.iter().filter(|fragment| !fragment.is_empty()) {
        match streams.last_mut() {
            _ if starts(fragment) => streams.push(vec![fragment]),
            Some(stream) => stream.push(fragment),
            None => {
                let got = format!("{:02x?}", &fragment[..fragment.len().min(4)]);
                return Err(at.header("PixelData", "the magic of its transfer syntax", got));
            }
        }
    }
    if streams.len() != header.frames {
        let got = format!("{} for {} frames", streams.len(), header.frames);
        return Err(at.header("PixelData", "a stream for each frame", got));
    }
    for (number, stream) in streams.iter().enumerate() {
        let first = stream.first().copied().unwrap_or_default();
        let told = if is_jpeg {
            jpeg_frame(first)
        } else {
            jpeg_2000_frame(first)
        };
        let told = told.ok_or_else(|| at.header("PixelData", "a frame header", "none"))?;
        let expected = (header.rows, header.columns, header.samples);
        if (told.rows, told.columns, told.samples) != expected {
            let (rows, columns, samples) = expected;
            let got = format!(
                "{}×{} pixels of {} in the stream of frame {number}, {rows}×{columns} of {samples} in the header",
                told.rows, told.columns, told.samples
            );
            return Err(at.header("PixelData", "streams of the header's size", got));
        }
        if is_jpeg && told.bits > 8 && syntax == uids::JPEG_EXTENDED12_BIT {
            return Err(at.unsupported(format!("DICOM compressed by JPEG of {} bits", told.bits)));
        }
        if !has_end(stream, told.header_at) {
            let length = stream.iter().map(|fragment| fragment.len()).sum();
            let what = "a frame's stream, which has no end marker";
            return Err(at.truncated(what, length + 1, length));
        }
    }
    Ok(())
}

/// Whether there is an end marker behind the frame's header. Compressed data hold none by chance; what
/// follows it is padding.
fn has_end(stream: &[&[u8]], header_at: usize) -> bool {
    let bytes = stream.iter().flat_map(|fragment| fragment.iter());
    let length: usize = stream.iter().map(|fragment| fragment.len()).sum();
    let mut later = None;
    for byte in bytes.rev().take(length - header_at) {
        if [Some(*byte), later] == END.map(Some) {
            return true;
        }
        later = Some(*byte);
    }
    false
}
