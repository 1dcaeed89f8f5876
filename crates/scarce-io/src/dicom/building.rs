//! An object, put together from its parts as they come. Errors tell of a position in the file.

use dicom_core::value::{DataSetSequence, PixelFragmentSequence};
use dicom_core::{DataElement, DicomValue, VR};
use dicom_dictionary_std::tags;
use dicom_object::{InMemDicomObject, Tag};

use super::attributes::Object;
use crate::IoError;
use crate::error::At;

/// No real object nests deeper; each level is a sequence and an item.
const MAX_OPEN: usize = 128;

/// What was begun and not ended.
enum Open {
    Sequence(Tag, Vec<Object>),
    Item(Object),
    Fragments(Vec<Vec<u8>>),
    Fragment(Vec<u8>),
}

/// The object, and what in it is begun.
pub(super) struct Building<'a> {
    object: Object,
    open: Vec<Open>,
    at: At<'a>,
}

impl<'a> Building<'a> {
    pub(super) fn new(at: At<'a>) -> Self {
        Self {
            object: InMemDicomObject::new_empty(),
            open: Vec::new(),
            at,
        }
    }

    /// What is ended of it.
    pub(super) fn take(&mut self) -> Object {
        std::mem::replace(&mut self.object, InMemDicomObject::new_empty())
    }

    /// Outside of all sequences.
    pub(super) fn is_outside(&self) -> bool {
        self.open.is_empty()
    }

    /// In the pixels' fragments, outside of each.
    pub(super) fn is_among_fragments(&self) -> bool {
        matches!(self.open[..], [Open::Fragments(_)])
    }

    /// The fragment that is begun.
    pub(super) fn fragment(&mut self) -> Option<&mut Vec<u8>> {
        match self.open.last_mut() {
            Some(Open::Fragment(bytes)) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn begin_sequence(&mut self, tag: Tag) -> Result<(), IoError> {
        self.begin(Open::Sequence(tag, Vec::new()))
    }

    pub(super) fn begin_fragments(&mut self) -> Result<(), IoError> {
        self.begin(Open::Fragments(Vec::new()))
    }

    pub(super) fn begin_item(&mut self) -> Result<(), IoError> {
        self.begin(match self.open.last() {
            Some(Open::Fragments(_)) => Open::Fragment(Vec::new()),
            _ => Open::Item(InMemDicomObject::new_empty()),
        })
    }

    fn begin(&mut self, open: Open) -> Result<(), IoError> {
        self.open.push(open);
        if self.open.len() > MAX_OPEN {
            let message = format!("sequences nested deeper than {}", MAX_OPEN / 2);
            return Err(self.at.dicom(message));
        }
        Ok(())
    }

    /// Puts an element into the innermost item, or into the object.
    pub(super) fn put(
        &mut self,
        tag: Tag,
        vr: VR,
        value: impl Into<DicomValue<Object>>,
        position: usize,
    ) -> Result<(), IoError> {
        let object = match self.open.last_mut() {
            None => &mut self.object,
            Some(Open::Item(object)) => object,
            Some(_) => return Err(self.astray(position)),
        };
        if object.put(DataElement::new(tag, vr, value)).is_some() {
            let got = format!("{tag} twice, again before byte {position}");
            return Err(self.at.header("data set", "each element once", got));
        }
        Ok(())
    }

    pub(super) fn end_item(&mut self, position: usize) -> Result<(), IoError> {
        let item = self.open.pop();
        match (item, self.open.last_mut()) {
            (Some(Open::Item(object)), Some(Open::Sequence(_, items))) => items.push(object),
            (Some(Open::Fragment(bytes)), Some(Open::Fragments(fragments))) => {
                fragments.push(bytes);
            }
            _ => return Err(self.astray(position)),
        }
        Ok(())
    }

    pub(super) fn end_sequence(&mut self, position: usize) -> Result<(), IoError> {
        match self.open.pop() {
            Some(Open::Sequence(tag, items)) => {
                self.put(tag, VR::SQ, DataSetSequence::from(items), position)
            }
            Some(Open::Fragments(mut fragments)) => {
                // The first is a table of where frames begin.
                let table = if fragments.is_empty() {
                    Vec::new()
                } else {
                    fragments.remove(0)
                };
                let places = table.as_chunks().0.iter().map(|n| u32::from_le_bytes(*n));
                let value = PixelFragmentSequence::new(places.collect::<Vec<_>>(), fragments);
                self.put(tags::PIXEL_DATA, VR::OB, value, position)
            }
            _ => Err(self.astray(position)),
        }
    }

    fn astray(&self, position: usize) -> IoError {
        let got = format!("one out of place at byte {position}");
        self.at
            .header("sequence", "items, elements in them and their ends", got)
    }
}
