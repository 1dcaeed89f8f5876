//! Whether every element's length fits into its file. The parser asks for memory by these lengths
//! before it reads, and a damaged one may ask for 4 GiB.

use dicom_core::VR;
use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
use dicom_dictionary_std::uids;
use dicom_object::{StandardDataDictionary, Tag};

use super::pixels::BIG_ENDIAN;
use crate::IoError;
use crate::error::At;

const ITEM: u32 = 0xfffe_e000;
const ITEM_END: u32 = 0xfffe_e00d;
const SEQUENCE_END: u32 = 0xfffe_e0dd;
const PIXEL_DATA: u32 = 0x7fe0_0010;
const TRANSFER_SYNTAX: u32 = 0x0002_0010;
const UNDEFINED: u32 = u32::MAX;

/// Value representations whose length has four bytes.
const LONG: [&[u8; 2]; 13] = [
    b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV",
];

/// No real object nests deeper.
const MAX_DEPTH: usize = 64;

/// Where a file's data set starts, if it has the magic of DICOM files.
pub(super) fn has_preamble(bytes: &[u8]) -> bool {
    bytes.get(128..132) == Some(b"DICM")
}

/// Walks all elements up to the pixels and these; answers where the pixels end, behind which some
/// writers leave dirt.
pub(super) fn check(bytes: &[u8], at: At<'_>) -> Result<usize, IoError> {
    let mut walk = Walk {
        bytes,
        position: if has_preamble(bytes) { 132 } else { 0 },
        explicit: true,
        big_endian: false,
        at,
    };
    let mut syntax = Vec::new();
    while walk.position < bytes.len() && walk.peek_group() == Some(2) {
        let element = walk.element(bytes.len())?;
        if element.length == UNDEFINED {
            return Err(at.header("file meta", "defined lengths", "an undefined one"));
        }
        let end = walk.position + element.length as usize;
        if element.tag == TRANSFER_SYNTAX {
            syntax = bytes[walk.position..end].to_vec();
        }
        walk.position = end;
    }
    let syntax = String::from_utf8_lossy(&syntax);
    let syntax = syntax.trim_end_matches(['\0', ' ']);
    if syntax == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
        // Nothing to walk before it is inflated.
        return Ok(bytes.len());
    }
    walk.explicit = syntax != uids::IMPLICIT_VR_LITTLE_ENDIAN;
    walk.big_endian = syntax == BIG_ENDIAN;
    walk.elements(bytes.len(), false, 0)?;
    Ok(walk.position)
}

struct Walk<'a> {
    bytes: &'a [u8],
    position: usize,
    explicit: bool,
    big_endian: bool,
    at: At<'a>,
}

/// An element's or item's header.
struct Element {
    tag: u32,
    is_sequence: bool,
    /// Of unknown type: what it holds is in implicit form.
    is_unknown: bool,
    length: u32,
}

impl Walk<'_> {
    /// Elements up to `end`, or to the end of an item of undefined length.
    fn elements(&mut self, end: usize, undefined: bool, depth: usize) -> Result<(), IoError> {
        if depth > MAX_DEPTH {
            return Err(self
                .at
                .dicom(format!("sequences nested deeper than {MAX_DEPTH}")));
        }
        while self.position < end {
            let element = self.element(end)?;
            if undefined && element.tag == ITEM_END {
                return Ok(());
            }
            let start = self.position;
            if element.tag == PIXEL_DATA {
                if element.length == UNDEFINED {
                    self.fragments(end)?;
                } else {
                    self.position += element.length as usize;
                }
                if depth == 0 {
                    return Ok(());
                }
                // An icon's.
                continue;
            }
            let holds_items = self.bytes[start..end].starts_with(&self.item_bytes());
            if element.length == UNDEFINED {
                let explicit = self.explicit;
                self.explicit &= !element.is_unknown;
                self.items(end, true, depth)?;
                self.explicit = explicit;
            } else {
                let stop = start + element.length as usize;
                if holds_items && element.is_sequence {
                    self.items(stop, false, depth)?;
                }
                self.position = stop;
            }
        }
        if undefined {
            return Err(self.cut(end + 1));
        }
        Ok(())
    }

    /// Items of a sequence up to `end`, or to its delimiter.
    fn items(&mut self, end: usize, undefined: bool, depth: usize) -> Result<(), IoError> {
        while self.position < end {
            let item = self.element(end)?;
            match item.tag {
                SEQUENCE_END if undefined => return Ok(()),
                ITEM if item.length == UNDEFINED => self.elements(end, true, depth + 1)?,
                ITEM => self.elements(self.position + item.length as usize, false, depth + 1)?,
                tag => {
                    let got = format!("{tag:08x} at byte {}", self.position);
                    return Err(self.at.header("sequence", "an item", got));
                }
            }
        }
        if undefined {
            return Err(self.cut(end + 1));
        }
        Ok(())
    }

    fn fragments(&mut self, end: usize) -> Result<(), IoError> {
        while self.position < end {
            let item = self.element(end)?;
            match item.tag {
                SEQUENCE_END => return Ok(()),
                ITEM if item.length != UNDEFINED => self.position += item.length as usize,
                tag => {
                    let got = format!("{tag:08x} at byte {}", self.position);
                    return Err(self.at.header("PixelData", "a fragment", got));
                }
            }
        }
        Err(self.cut(end + 1))
    }

    /// Reads a header; a defined length ends at `end` or before.
    fn element(&mut self, end: usize) -> Result<Element, IoError> {
        let tag = u32::from(self.u16(end)?) << 16 | u32::from(self.u16(end)?);
        let delimits = tag >> 16 == 0xfffe;
        let is_sequence;
        let mut is_unknown = false;
        let length = if self.explicit && !delimits {
            let vr = self.take::<2>(end)?;
            is_sequence = &vr == b"SQ";
            is_unknown = &vr == b"UN";
            if LONG.contains(&&vr) {
                self.take::<2>(end)?;
                self.u32(end)?
            } else {
                u32::from(self.u16(end)?)
            }
        } else {
            // What the dictionary does not know is not looked into, by the parser neither.
            let known = StandardDataDictionary.by_tag(Tag((tag >> 16) as u16, tag as u16));
            is_sequence = known.is_some_and(|entry| entry.vr().relaxed() == VR::SQ);
            self.u32(end)?
        };
        if length != UNDEFINED && length as usize > end - self.position {
            return Err(self.cut(self.position + length as usize));
        }
        Ok(Element {
            tag,
            is_sequence,
            is_unknown,
            length,
        })
    }

    fn take<const N: usize>(&mut self, end: usize) -> Result<[u8; N], IoError> {
        let bytes = self.bytes[..end].get(self.position..self.position + N);
        let taken = bytes.and_then(|bytes| <[u8; N]>::try_from(bytes).ok());
        self.position += N;
        taken.ok_or_else(|| self.cut(self.position))
    }

    fn u16(&mut self, end: usize) -> Result<u16, IoError> {
        let bytes = self.take(end)?;
        Ok(if self.big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        })
    }

    fn u32(&mut self, end: usize) -> Result<u32, IoError> {
        let bytes = self.take(end)?;
        Ok(if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }

    fn peek_group(&self) -> Option<u16> {
        let bytes = self.bytes.get(self.position..self.position + 2)?;
        Some(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn item_bytes(&self) -> [u8; 4] {
        if self.big_endian {
            [0xff, 0xfe, 0xe0, 0x00]
        } else {
            [0xfe, 0xff, 0x00, 0xe0]
        }
    }

    fn cut(&self, expected: usize) -> IoError {
        self.at
            .truncated("DICOM elements", expected, self.bytes.len())
    }
}
