//! Slices of a CT made in memory.

use std::path::Path;

use dicom_core::value::PixelFragmentSequence;
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject, Tag};

pub const ROWS: u16 = 3;
pub const COLUMNS: u16 = 4;

/// One slice of a CT; what a test wants otherwise is put over it.
pub struct Slice {
    pub series: &'static str,
    pub z: f64,
    /// Position along x, which a tilted gantry moves.
    pub x: f64,
    pub elements: Vec<(Tag, VR, PrimitiveValue)>,
    /// A transfer syntax and the fragments of its pixels.
    pub compressed: Option<(&'static str, Vec<Vec<u8>>)>,
}

impl Slice {
    pub fn at(z: f64) -> Self {
        Self {
            series: "1.2.3",
            z,
            x: -10.0,
            elements: Vec::new(),
            compressed: None,
        }
    }

    pub fn with(mut self, tag: Tag, vr: VR, value: impl Into<PrimitiveValue>) -> Self {
        self.elements.push((tag, vr, value.into()));
        self
    }

    fn object(&self) -> InMemDicomObject {
        let text = |tag, vr, value: String| DataElement::new(tag, vr, PrimitiveValue::from(value));
        let number = |tag, value: u16| DataElement::new(tag, VR::US, PrimitiveValue::from(value));
        // Stored values: the slice's height, then the pixel's number.
        let pixels: Vec<u16> = (0..ROWS * COLUMNS)
            .map(|k| 1000 + 100 * self.z as u16 + k)
            .collect();
        let mut object = InMemDicomObject::from_element_iter([
            text(tags::MODALITY, VR::CS, "CT".to_owned()),
            text(
                tags::SOP_CLASS_UID,
                VR::UI,
                uids::CT_IMAGE_STORAGE.to_owned(),
            ),
            text(tags::SOP_INSTANCE_UID, VR::UI, format!("1.2.3.{}", self.z)),
            text(tags::SERIES_INSTANCE_UID, VR::UI, self.series.to_owned()),
            text(
                tags::IMAGE_POSITION_PATIENT,
                VR::DS,
                format!("{}\\-20\\{}", self.x, self.z),
            ),
            text(
                tags::IMAGE_ORIENTATION_PATIENT,
                VR::DS,
                "1\\0\\0\\0\\1\\0".to_owned(),
            ),
            text(tags::PIXEL_SPACING, VR::DS, "0.8\\0.5".to_owned()),
            text(tags::RESCALE_SLOPE, VR::DS, "1".to_owned()),
            text(tags::RESCALE_INTERCEPT, VR::DS, "-1024".to_owned()),
            text(
                tags::PHOTOMETRIC_INTERPRETATION,
                VR::CS,
                "MONOCHROME2".to_owned(),
            ),
            number(tags::SAMPLES_PER_PIXEL, 1),
            number(tags::ROWS, ROWS),
            number(tags::COLUMNS, COLUMNS),
            number(tags::BITS_ALLOCATED, 16),
            number(tags::BITS_STORED, 16),
            number(tags::HIGH_BIT, 15),
            number(tags::PIXEL_REPRESENTATION, 0),
            DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(pixels.into())),
        ]);
        for (tag, vr, value) in &self.elements {
            object.put(DataElement::new(*tag, *vr, value.clone()));
        }
        if let Some((_, fragments)) = &self.compressed {
            let sequence = PixelFragmentSequence::new_fragments(fragments.clone());
            object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, sequence));
        }
        object
    }

    /// With its pixels in `fragments`, as that transfer syntax has them.
    pub fn compressed(mut self, syntax: &'static str, fragments: Vec<Vec<u8>>) -> Self {
        self.compressed = Some((syntax, fragments));
        self
    }

    pub fn write(&self, path: &Path) {
        let syntax = match &self.compressed {
            Some((syntax, _)) => syntax,
            None => uids::EXPLICIT_VR_LITTLE_ENDIAN,
        };
        let meta = FileMetaTableBuilder::new().transfer_syntax(syntax);
        self.object()
            .with_meta(meta)
            .unwrap()
            .write_to_file(path)
            .unwrap();
    }
}

/// A folder of slices whose names say nothing of their order.
pub fn series(slices: &[Slice]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, slice) in slices.iter().enumerate() {
        let scrambled = (number * 7) % 10;
        slice.write(&folder.path().join(format!("{scrambled}-{number}.dcm")));
    }
    folder
}

pub fn heights(heights: &[f64]) -> Vec<Slice> {
    heights.iter().map(|z| Slice::at(*z)).collect()
}
