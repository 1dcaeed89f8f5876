//! Slices of a CT made in memory.

use std::path::Path;

use dicom_core::value::{DataSetSequence, PixelFragmentSequence};
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

/// A segmentation of 2 × 4 pixels a frame: for each frame its segment, its height, and its pixels as
/// the file has them. Segments 1 and 2 are called `heart` and `left lung`.
pub fn write_segmentation(
    path: &Path,
    kind: &str,
    bits: u16,
    frames: &[(u16, f64)],
    pixels: &[u8],
) {
    let text = |tag, vr, value: &str| DataElement::new(tag, vr, PrimitiveValue::from(value));
    let number = |tag, value: u16| DataElement::new(tag, VR::US, PrimitiveValue::from(value));
    let sequence = |tag, items: Vec<InMemDicomObject>| {
        DataElement::new(tag, VR::SQ, DataSetSequence::from(items))
    };
    let object = |elements: Vec<DataElement<InMemDicomObject>>| {
        InMemDicomObject::from_element_iter(elements)
    };
    let shared = object(vec![
        sequence(
            tags::PLANE_ORIENTATION_SEQUENCE,
            vec![object(vec![text(
                tags::IMAGE_ORIENTATION_PATIENT,
                VR::DS,
                "1\\0\\0\\0\\1\\0",
            )])],
        ),
        sequence(
            tags::PIXEL_MEASURES_SEQUENCE,
            vec![object(vec![
                text(tags::PIXEL_SPACING, VR::DS, "0.8\\0.5"),
                text(tags::SPACING_BETWEEN_SLICES, VR::DS, "2"),
            ])],
        ),
    ]);
    let per_frame = |(segment, z): &(u16, f64)| {
        object(vec![
            sequence(
                tags::PLANE_POSITION_SEQUENCE,
                vec![object(vec![text(
                    tags::IMAGE_POSITION_PATIENT,
                    VR::DS,
                    &format!("-10\\-20\\{z}"),
                )])],
            ),
            sequence(
                tags::SEGMENT_IDENTIFICATION_SEQUENCE,
                vec![object(vec![number(
                    tags::REFERENCED_SEGMENT_NUMBER,
                    *segment,
                )])],
            ),
        ])
    };
    let segment = |value: u16, name: &str| {
        object(vec![
            number(tags::SEGMENT_NUMBER, value),
            text(tags::SEGMENT_LABEL, VR::LO, name),
        ])
    };
    let object = object(vec![
        text(tags::MODALITY, VR::CS, "SEG"),
        text(tags::SOP_CLASS_UID, VR::UI, uids::SEGMENTATION_STORAGE),
        text(tags::SOP_INSTANCE_UID, VR::UI, "1.2.3.9"),
        text(tags::SERIES_INSTANCE_UID, VR::UI, "1.2.3"),
        text(tags::SEGMENTATION_TYPE, VR::CS, kind),
        text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
        text(tags::NUMBER_OF_FRAMES, VR::IS, &frames.len().to_string()),
        number(tags::SAMPLES_PER_PIXEL, 1),
        number(tags::ROWS, 2),
        number(tags::COLUMNS, 4),
        number(tags::BITS_ALLOCATED, bits),
        number(tags::BITS_STORED, bits),
        number(tags::HIGH_BIT, bits - 1),
        number(tags::PIXEL_REPRESENTATION, 0),
        sequence(
            tags::SEGMENT_SEQUENCE,
            vec![segment(1, "heart"), segment(2, "left lung")],
        ),
        sequence(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared]),
        sequence(
            tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
            frames.iter().map(per_frame).collect(),
        ),
        DataElement::new(
            tags::PIXEL_DATA,
            VR::OB,
            PrimitiveValue::U8(pixels.to_vec().into()),
        ),
    ]);
    let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    object.with_meta(meta).unwrap().write_to_file(path).unwrap();
}
