//! Over all elements of a data set, keeping what fits into the file.

use std::cell::Cell;
use std::rc::Rc;

use dicom_core::header::DataElementHeader;
use dicom_dictionary_std::{tags, uids};
use dicom_object::Tag;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_parser::{DynStatefulDecoder, StatefulDecode as _};
use dicom_transfer_syntax_registry::{TransferSyntaxIndex as _, TransferSyntaxRegistry};

use super::attributes::Object;
use super::building::Building;
use super::source::Source;
use crate::IoError;
use crate::error::At;

/// A tag, and a length or two letters and a length.
pub(super) const SMALLEST_HEADER_BYTES: usize = 8;

/// What is kept of the pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pixels {
    Keep,
    PassOver,
}

/// What a step came upon, outside of all sequences.
enum Step {
    Element(Tag),
    Pixels,
    Within,
    End,
}

/// A walk that builds an object.
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    reader: LazyDataSetReader<DynStatefulDecoder<Source<'a>>>,
    source_position: Rc<Cell<u64>>,
    /// Behind what was walked over.
    position: usize,
    explicit: bool,
    pixels: Pixels,
    building: Building<'a>,
    at: At<'a>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        bytes: &'a [u8],
        start: usize,
        syntax: &str,
        pixels: Pixels,
        at: At<'a>,
    ) -> Result<Self, IoError> {
        let known = TransferSyntaxRegistry.get(syntax);
        let known =
            known.ok_or_else(|| at.unsupported(format!("DICOM transfer syntax {syntax:?}")))?;
        let source = Source::new(bytes, start);
        let source_position = source.position();
        let reader = LazyDataSetReader::new_with_ts(source, known);
        Ok(Self {
            bytes,
            reader: reader.map_err(|error| at.dicom_error(&error))?,
            source_position,
            position: start,
            explicit: syntax != uids::IMPLICIT_VR_LITTLE_ENDIAN,
            pixels,
            building: Building::new(at),
            at,
        })
    }

    /// The object up to its pixels, and how many bytes behind them are no elements.
    pub(super) fn object(mut self) -> Result<(Object, usize), IoError> {
        loop {
            match self.step()? {
                Step::Pixels => break,
                Step::End if self.is_at_end() => break,
                Step::End => {
                    let size = self.bytes.len();
                    return Err(self.at.truncated("DICOM elements", size + 1, size));
                }
                Step::Element(_) | Step::Within => {}
            }
        }
        let object = self.building.take();
        let behind = self.bytes.len() - self.position;
        self.pixels = Pixels::PassOver;
        let dirt_bytes = if self.only_elements_follow() {
            0
        } else {
            behind
        };
        Ok((object, dirt_bytes))
    }

    /// Whether there is nothing behind the pixels but elements in their order: padding, signatures.
    fn only_elements_follow(&mut self) -> bool {
        let mut last = tags::PIXEL_DATA;
        loop {
            match self.step() {
                Ok(Step::Element(tag)) if tag > last => last = tag,
                Ok(Step::Within) => {}
                Ok(Step::End) => return self.is_at_end(),
                _ => return false,
            }
        }
    }

    fn is_at_end(&self) -> bool {
        self.building.is_outside() && self.position == self.bytes.len()
    }

    /// Goes on by one header or value, if that fits into the file.
    fn step(&mut self) -> Result<Step, IoError> {
        let (start, size, at) = (self.position, self.bytes.len(), self.at);
        let Some(token) = self.reader.advance() else {
            return Ok(Step::End);
        };
        let token = token.map_err(|error| {
            if size - start < SMALLEST_HEADER_BYTES {
                at.truncated("DICOM elements", start + SMALLEST_HEADER_BYTES, size)
            } else {
                at.dicom_error(&error)
            }
        })?;
        let outside = self.building.is_outside();
        let mut step = Step::Within;
        match token {
            LazyDataToken::ElementHeader(header) => {
                check_letters(self.bytes, start, self.explicit, &header, at)?;
                if outside {
                    step = Step::Element(header.tag);
                }
            }
            LazyDataToken::LazyValue { header, decoder } => {
                let of_pixels = outside && header.tag == tags::PIXEL_DATA;
                check_length(decoder.position(), header.len.0, size, at)?;
                if of_pixels && self.pixels == Pixels::PassOver {
                    let skipped = decoder.skip_bytes(header.len.0);
                    skipped.map_err(|error| at.dicom_error(&error))?;
                } else {
                    let value = decoder.read_value_preserved(&header);
                    let value = value.map_err(|error| at.dicom_error(&error))?;
                    self.building.put(header.tag, header.vr, value, start)?;
                }
                if of_pixels {
                    step = Step::Pixels;
                }
            }
            LazyDataToken::LazyItemValue { len, decoder } => {
                check_length(decoder.position(), len, size, at)?;
                let read = match self.building.fragment() {
                    Some(bytes) if self.pixels == Pixels::Keep => decoder.read_to_vec(len, bytes),
                    _ => decoder.skip_bytes(len),
                };
                read.map_err(|error| at.dicom_error(&error))?;
            }
            LazyDataToken::SequenceStart { tag, .. } => {
                if outside {
                    step = Step::Element(tag);
                }
                self.building.begin_sequence(tag)?;
            }
            LazyDataToken::PixelSequenceStart => self.building.begin_fragments()?,
            LazyDataToken::ItemStart { .. } => self.building.begin_item()?,
            LazyDataToken::ItemEnd => self.building.end_item(start)?,
            LazyDataToken::SequenceEnd => {
                let of_pixels = self.building.is_among_fragments();
                self.building.end_sequence(start)?;
                if of_pixels {
                    step = Step::Pixels;
                }
            }
            _ => return Err(at.dicom("a part of an unknown kind")),
        }
        self.position = self.source_position.get() as usize;
        Ok(step)
    }
}

/// Whether a value that begins at `position` ends within the file.
fn check_length(position: u64, length: u32, size: usize, at: At<'_>) -> Result<(), IoError> {
    let end = position + u64::from(length);
    if end > size as u64 {
        return Err(at.truncated("DICOM elements", end as usize, size));
    }
    Ok(())
}

/// Whether an element's header has the letters of a value representation if it should.
fn check_letters(
    bytes: &[u8],
    start: usize,
    explicit: bool,
    header: &DataElementHeader,
    at: At<'_>,
) -> Result<(), IoError> {
    let letters = bytes.get(start + 4..start + 6).unwrap_or_default();
    // Delimiters have none.
    let has_letters = explicit && header.tag.0 != 0xfffe;
    if has_letters && !letters.iter().all(u8::is_ascii_uppercase) {
        let got = format!("{letters:02x?} at byte {}", start + 4);
        let expected = "two letters of a value representation, as the syntax says";
        return Err(at.header("data set", expected, got));
    }
    Ok(())
}
