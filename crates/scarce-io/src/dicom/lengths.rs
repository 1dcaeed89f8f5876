//! Whether every element's length fits into its file. The parser asks for memory by these lengths
//! before it reads, and a damaged one may ask for 4 GiB. The walk uses the parser's own decoders, so
//! that both see the same elements.

use std::cell::Cell;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::rc::Rc;

use dicom_core::header::HasLength as _;
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::Decode as _;
use dicom_encoding::decode::file_header_decoder;
use dicom_object::Tag;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_parser::{DynStatefulDecoder, StatefulDecode as _};
use dicom_transfer_syntax_registry::{TransferSyntaxIndex as _, TransferSyntaxRegistry};
use flate2::read::DeflateDecoder;

use super::open::chain;
use crate::error::At;
use crate::{IoError, ReadOptions};

/// No real object nests deeper; each level is a sequence and an item.
const MAX_OPEN: usize = 128;

/// A tag, and a length or two letters and a length.
const SMALLEST_HEADER_BYTES: usize = 8;

/// The bytes before the file meta information: a preamble and the magic.
const PREAMBLE_BYTES: usize = 132;

/// How much of a file is an object.
pub(super) struct Extent {
    /// Where the pixels end.
    pub end: usize,
    /// Bytes behind them that are no elements; some writers leave padding or dirt there.
    pub dirt_bytes: usize,
}

/// Where a file's data set starts, if it has the magic of DICOM files.
pub(super) fn has_preamble(bytes: &[u8]) -> bool {
    bytes.get(PREAMBLE_BYTES - 4..PREAMBLE_BYTES) == Some(b"DICM")
}

/// Walks all elements up to the pixels, these, and what follows.
pub(super) fn check(bytes: &[u8], options: &ReadOptions, at: At<'_>) -> Result<Extent, IoError> {
    let meta = if has_preamble(bytes) {
        PREAMBLE_BYTES
    } else {
        0
    };
    let (start, syntax) = file_meta(bytes, meta, at)?;
    if syntax == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
        let inflated = inflate(&bytes[start..], options, at)?;
        Walk::new(&inflated, 0, uids::EXPLICIT_VR_LITTLE_ENDIAN, at)?.extent()?;
        return Ok(Extent {
            end: bytes.len(),
            dirt_bytes: 0,
        });
    }
    Walk::new(bytes, start, &syntax, at)?.extent()
}

/// Where the data set starts, and its transfer syntax.
fn file_meta(bytes: &[u8], start: usize, at: At<'_>) -> Result<(usize, String), IoError> {
    let mut reader = Cursor::new(bytes);
    reader.set_position(start as u64);
    let mut syntax = Vec::new();
    let mut end = None;
    loop {
        let position = reader.position() as usize;
        if end.is_some_and(|end| position >= end) {
            break;
        }
        let header = file_header_decoder().decode_header(&mut reader);
        let (element, _) =
            header.map_err(|_| at.truncated("file meta information", position + 8, bytes.len()))?;
        let (tag, value) = (element.tag, reader.position() as usize);
        let length = element.length().get();
        let length = length.ok_or_else(|| at.header("file meta", "defined lengths", "none"))?;
        let next = value + length as usize;
        let content = bytes.get(value..next);
        let content =
            content.ok_or_else(|| at.truncated("file meta information", next, bytes.len()))?;
        if tag == tags::FILE_META_INFORMATION_GROUP_LENGTH
            && let Some(length) = content.first_chunk()
        {
            end.get_or_insert(next + u32::from_le_bytes(*length) as usize);
        } else if tag == tags::TRANSFER_SYNTAX_UID {
            syntax = content.to_vec();
        }
        if end.is_none() {
            let got = format!("{tag} first");
            return Err(at.header("file meta", "its length in its first element", got));
        }
        reader.set_position(next as u64);
    }
    let syntax = String::from_utf8_lossy(&syntax);
    let syntax = syntax.trim_end_matches(['\0', ' ']);
    Ok((reader.position() as usize, syntax.to_owned()))
}

/// The data set of a deflated file, as far as the budget goes.
fn inflate(deflated: &[u8], options: &ReadOptions, at: At<'_>) -> Result<Vec<u8>, IoError> {
    let budget = options.max_alloc_bytes;
    let mut inflated = Vec::new();
    DeflateDecoder::new(deflated)
        .take(budget.saturating_add(1))
        .read_to_end(&mut inflated)
        .map_err(|error| at.dicom(format!("deflated data set: {error}")))?;
    if inflated.len() as u64 > budget {
        return Err(at.budget(inflated.len() as u128, budget));
    }
    Ok(inflated)
}

/// What an end has to be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Sequence,
    Item,
    Fragments,
}

struct Walk<'a> {
    bytes: &'a [u8],
    reader: LazyDataSetReader<DynStatefulDecoder<Source<'a>>>,
    source_position: Rc<Cell<u64>>,
    /// Behind what was walked over.
    position: usize,
    explicit: bool,
    open: Vec<Open>,
    at: At<'a>,
}

/// The bytes, and for others to see how far they are read.
struct Source<'a> {
    bytes: Cursor<&'a [u8]>,
    position: Rc<Cell<u64>>,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer);
        self.position.set(self.bytes.position());
        read
    }
}

impl Seek for Source<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = self.bytes.seek(to)?;
        self.position.set(position);
        Ok(position)
    }
}

/// What a step of the walk came upon, outside of all sequences.
enum Step {
    Element(Tag),
    Pixels,
    Within,
    End,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8], start: usize, syntax: &str, at: At<'a>) -> Result<Self, IoError> {
        let known = TransferSyntaxRegistry.get(syntax);
        let known =
            known.ok_or_else(|| at.unsupported(format!("DICOM transfer syntax {syntax:?}")))?;
        let mut source = Source {
            bytes: Cursor::new(bytes),
            position: Rc::default(),
        };
        source.bytes.set_position(start as u64);
        let source_position = source.position.clone();
        let reader = LazyDataSetReader::new_with_ts(source, known);
        Ok(Self {
            bytes,
            reader: reader.map_err(|error| at.dicom(chain(&error)))?,
            source_position,
            position: start,
            explicit: syntax != uids::IMPLICIT_VR_LITTLE_ENDIAN,
            open: Vec::new(),
            at,
        })
    }

    fn extent(mut self) -> Result<Extent, IoError> {
        loop {
            match self.step()? {
                Step::Pixels => break,
                Step::End if self.open.is_empty() && self.position == self.bytes.len() => break,
                Step::End => return Err(self.cut()),
                Step::Element(_) | Step::Within => {}
            }
        }
        let end = self.position;
        let dirt_bytes = if self.only_elements_follow() {
            0
        } else {
            self.bytes.len() - end
        };
        Ok(Extent { end, dirt_bytes })
    }

    /// Whether there is nothing behind the pixels but elements in their order: padding, signatures.
    fn only_elements_follow(&mut self) -> bool {
        let mut last = tags::PIXEL_DATA;
        loop {
            match self.step() {
                Ok(Step::Element(tag)) if tag > last => last = tag,
                Ok(Step::Within) => {}
                Ok(Step::End) => {
                    return self.open.is_empty() && self.position == self.bytes.len();
                }
                _ => return false,
            }
        }
    }

    /// Goes on by one header or value, if that fits into the file.
    fn step(&mut self) -> Result<Step, IoError> {
        let (start, size) = (self.position, self.bytes.len());
        let at = self.at;
        let Some(token) = self.reader.advance() else {
            return Ok(Step::End);
        };
        let token = token.map_err(|error| {
            if size - start < SMALLEST_HEADER_BYTES {
                at.truncated("DICOM elements", start + SMALLEST_HEADER_BYTES, size)
            } else {
                at.dicom(chain(&error))
            }
        })?;
        let mut step = Step::Within;
        match token {
            LazyDataToken::ElementHeader(header) => {
                let letters = self.bytes.get(start + 4..start + 6).unwrap_or_default();
                // Delimiters have none.
                let has_letters = self.explicit && header.tag.0 != 0xfffe;
                if has_letters && !letters.iter().all(u8::is_ascii_uppercase) {
                    let got = format!("{letters:02x?} at byte {}", start + 4);
                    let expected = "two letters of a value representation, as the syntax says";
                    return Err(at.header("data set", expected, got));
                }
                if self.open.is_empty() {
                    step = Step::Element(header.tag);
                }
            }
            LazyDataToken::LazyValue { header, decoder } => {
                skip(decoder, header.len.0, size, at)?;
                if self.open.is_empty() && header.tag == tags::PIXEL_DATA {
                    step = Step::Pixels;
                }
            }
            LazyDataToken::LazyItemValue { len, decoder } => skip(decoder, len, size, at)?,
            LazyDataToken::SequenceStart { tag, .. } => {
                if self.open.is_empty() {
                    step = Step::Element(tag);
                }
                self.open.push(Open::Sequence);
            }
            LazyDataToken::PixelSequenceStart => self.open.push(Open::Fragments),
            LazyDataToken::ItemStart { .. } => self.open.push(Open::Item),
            LazyDataToken::ItemEnd => self.close(&[Open::Item])?,
            LazyDataToken::SequenceEnd => {
                if self.open == [Open::Fragments] {
                    step = Step::Pixels;
                }
                self.close(&[Open::Sequence, Open::Fragments])?;
            }
            _ => return Err(at.dicom("a part of an unknown kind")),
        }
        if self.open.len() > MAX_OPEN {
            let message = format!("sequences nested deeper than {}", MAX_OPEN / 2);
            return Err(at.dicom(message));
        }
        self.position = self.source_position.get() as usize;
        Ok(step)
    }

    /// An end of what was begun last; the reader does not ask.
    fn close(&mut self, expected: &[Open]) -> Result<(), IoError> {
        match self.open.pop() {
            Some(open) if expected.contains(&open) => Ok(()),
            _ => {
                let got = format!("an end of none at byte {}", self.position);
                Err(self.at.header("sequence", "items and their ends", got))
            }
        }
    }

    fn cut(&self) -> IoError {
        let size = self.bytes.len();
        self.at.truncated("DICOM elements", size + 1, size)
    }
}

/// Passes over a value, if the file holds it.
fn skip(
    decoder: &mut DynStatefulDecoder<Source<'_>>,
    length: u32,
    size: usize,
    at: At<'_>,
) -> Result<(), IoError> {
    let end = decoder.position() + u64::from(length);
    if end > size as u64 {
        return Err(at.truncated("DICOM elements", end as usize, size));
    }
    let skipped = decoder.skip_bytes(length);
    skipped.map_err(|error| at.dicom(chain(&error)))
}
