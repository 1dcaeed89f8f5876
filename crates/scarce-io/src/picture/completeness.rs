//! Whether a picture's file ends where its format says, which decoders do not ask.

use std::io::Cursor;
use std::path::Path;

use tiff::decoder::Decoder;
use tiff::tags::Tag;

use crate::codestream::jpeg_frame;
use crate::error::At;
use crate::{Format, IoError};

/// The last chunk of a PNG: no data, its name, its checksum.
const PNG_END: [u8; 12] = *b"\0\0\0\0IEND\xae\x42\x60\x82";

pub(super) fn check(format: Format, bytes: &[u8], path: &Path) -> Result<(), IoError> {
    let cut = |what| Err(At(path).truncated(what, bytes.len() + 1, bytes.len()));
    match format {
        Format::Png if !bytes.ends_with(&PNG_END) => match find(bytes, &PNG_END) {
            Some(at) => Err(IoError::Trailing {
                expected: (at + PNG_END.len()) as u64,
                path: path.to_owned(),
            }),
            None => cut("PNG, which has no end chunk"),
        },
        // Zeros behind the end are padding; anything else would hide where a cut file ended.
        Format::Jpeg if !without_padding(bytes).ends_with(&[0xff, 0xd9]) => {
            cut("JPEG, which has no end marker")
        }
        Format::Jpeg if jpeg_frame(bytes).is_some_and(|frame| frame.samples == 4) => {
            // Without a profile of the inks they are no colours.
            Err(At(path).unsupported("a JPEG of four inks (CMYK)"))
        }
        Format::Tiff => {
            let fault = |error| picture_error(error, path);
            let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(fault)?;
            if decoder.more_images() {
                return Err(At(path).unsupported("TIFF of several pages"));
            }
            // A decoder does not miss what it has no need of, such as a checksum.
            for (places, sizes) in [
                (Tag::StripOffsets, Tag::StripByteCounts),
                (Tag::TileOffsets, Tag::TileByteCounts),
            ] {
                let places: Option<Vec<u64>> =
                    decoder.find_tag_unsigned_vec(places).map_err(fault)?;
                let sizes: Option<Vec<u64>> =
                    decoder.find_tag_unsigned_vec(sizes).map_err(fault)?;
                let ends = places
                    .into_iter()
                    .flatten()
                    .zip(sizes.into_iter().flatten());
                let end = ends.map(|(place, size)| place.saturating_add(size)).max();
                if let Some(end) = end.filter(|end| *end > bytes.len() as u64) {
                    return Err(At(path).truncated("TIFF", end as usize, bytes.len()));
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

fn without_padding(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |k| k + 1);
    &bytes[..end]
}

pub(super) fn picture_error(error: impl ToString, path: &Path) -> IoError {
    IoError::Picture {
        message: error.to_string(),
        path: path.to_owned(),
    }
}
