//! What compressed frames say of themselves. Decoders fill a frame that is cut short, or smaller than
//! the header says, with zeros; here it is refused before they see it.

use dicom_dictionary_std::{tags, uids};

use crate::IoError;
use crate::codestream::{
    BOXES_START, Frame, JPEG_2000_START, JPEG_START, jpeg_2000_frame, jpeg_frame,
};
use crate::dicom::attributes::FileObject;
use crate::dicom::header::ImageHeader;
use crate::error::At;

/// What the streams of a transfer syntax are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Jpeg,
    JpegLs,
    /// Its high-throughput part too.
    Jpeg2000,
}

impl Codec {
    /// None of those for RLE and films.
    pub(super) fn of(syntax: &str) -> Option<Self> {
        match syntax {
            uids::JPEG_BASELINE8_BIT
            | uids::JPEG_EXTENDED12_BIT
            | uids::JPEG_LOSSLESS
            | uids::JPEG_LOSSLESS_SV1 => Some(Self::Jpeg),
            uids::JPEGLS_LOSSLESS | uids::JPEGLS_NEAR_LOSSLESS => Some(Self::JpegLs),
            uids::JPEG2000_LOSSLESS
            | uids::JPEG2000
            | uids::HTJ2K_LOSSLESS
            | uids::HTJ2K_LOSSLESS_RPCL
            | uids::HTJ2K => Some(Self::Jpeg2000),
            _ => None,
        }
    }

    fn begins(self, fragment: &[u8]) -> bool {
        let magics: &[&[u8]] = match self {
            Self::Jpeg | Self::JpegLs => &[JPEG_START],
            Self::Jpeg2000 => &[JPEG_2000_START, BOXES_START],
        };
        magics.iter().any(|magic| fragment.starts_with(magic))
    }

    fn frame(self, stream: &[u8]) -> Option<Frame> {
        match self {
            Self::Jpeg | Self::JpegLs => jpeg_frame(stream),
            Self::Jpeg2000 => jpeg_2000_frame(stream),
        }
    }
}

/// The last marker of each.
const END: [u8; 2] = [0xff, 0xd9];

/// The fragments of each frame: as many frames as the header says, each of its size and with its end.
pub(super) fn frames<'a>(
    codec: Codec,
    object: &'a FileObject,
    header: &ImageHeader,
    at: At<'_>,
) -> Result<Vec<Vec<&'a [u8]>>, IoError> {
    let fragments = object
        .get(tags::PIXEL_DATA)
        .and_then(|element| element.fragments())
        .ok_or_else(|| at.header("PixelData", "fragments of compressed frames", "none"))?;
    // A frame may lie in several fragments, of which the first has the stream's magic.
    let mut streams: Vec<Vec<&[u8]>> = Vec::new();
    for fragment in fragments.iter().filter(|fragment| !fragment.is_empty()) {
        match streams.last_mut() {
            _ if codec.begins(fragment) => streams.push(vec![fragment]),
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
        let told =
            (codec.frame(first)).ok_or_else(|| at.header("PixelData", "a frame header", "none"))?;
        let expected = (header.rows, header.columns, header.samples);
        if (told.rows, told.columns, told.samples) != expected {
            let (rows, columns, samples) = expected;
            let got = format!(
                "{}×{} pixels of {} in the stream of frame {number}, {rows}×{columns} of {samples} in the header",
                told.rows, told.columns, told.samples
            );
            return Err(at.header("PixelData", "streams of the header's size", got));
        }
        if told.bits > 8 && header.transfer_syntax() == uids::JPEG_EXTENDED12_BIT {
            return Err(at.unsupported(format!("DICOM compressed by JPEG of {} bits", told.bits)));
        }
        if codec == Codec::JpegLs && told.bits > header.bits_allocated {
            let got = format!("{} for {} allocated", told.bits, header.bits_allocated);
            return Err(at.header("PixelData", "as many bits as are allocated", got));
        }
        if !has_end(stream, told.header_at) {
            let length = stream.iter().map(|fragment| fragment.len()).sum();
            let what = "a frame's stream, which has no end marker";
            return Err(at.truncated(what, length + 1, length));
        }
    }
    Ok(streams)
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
