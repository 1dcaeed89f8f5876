//! What an image object says of its pixels.

use super::attributes::{self as a, FileObject, count, exactly, items, text};
use super::frames::{Groups, Plane, Rescale, planes, rescale, slice_spacing};
use crate::error::At;
use crate::{IoError, ReadOptions};

/// SOP class of segmentations.
const SEGMENTATION: &str = "1.2.840.10008.5.1.4.1.1.66.4";
/// SOP class of segmentations whose pixels are labels.
const LABEL_MAP_SEGMENTATION: &str = "1.2.840.10008.5.1.4.1.1.66.7";

/// SOP class of directories of media.
const DIRECTORY: &str = "1.2.840.10008.1.3.10";

/// Modalities of objects that hold no image: documents, plans, contours, presentation states, curves.
const WITHOUT_IMAGE: [&str; 15] = [
    "SR", "KO", "PR", "DOC", "PLAN", "RTSTRUCT", "RTPLAN", "RTRECORD", "REG", "FID", "ECG", "HD",
    "AU", "RESP", "STAIN",
];

/// What is remembered of where a frame lies, roughly.
const BYTES_TO_PLACE_A_FRAME: u128 = 512;

/// An image object without its pixels.
#[derive(Debug, Clone)]
pub(super) struct ImageHeader {
    pub sop_class: String,
    pub series_uid: String,
    transfer_syntax: String,
    pub rows: usize,
    pub columns: usize,
    pub samples: usize,
    pub frames: usize,
    pub bits_allocated: usize,
    pub bits_stored: usize,
    pub high_bit: usize,
    pub signed: bool,
    pub photometric: String,
    pub planar: bool,
    /// In-plane spacing, rows then columns, where no frame tells its own.
    pub detector_spacing_mm_yx: Option<[f64; 2]>,
    /// One for each frame; none for frames that lie nowhere.
    pub planes: Vec<Option<Plane>>,
    /// One for each frame.
    pub rescale: Vec<Rescale>,
    /// Distance of neighbouring slices, where the object tells it.
    pub slice_spacing_mm: Option<f64>,
}

impl ImageHeader {
    /// None when the object is no image.
    ///
    /// # Errors
    /// For attributes that are missing, malformed or contradict each other.
    pub(super) fn read(
        object: &FileObject,
        options: &ReadOptions,
        at: At<'_>,
    ) -> Result<Option<Self>, IoError> {
        let Some(rows) = count(object, a::ROWS, at)?.filter(|rows| *rows > 0) else {
            let modality = text(object, a::MODALITY).unwrap_or_default();
            let directory = object
                .meta()
                .media_storage_sop_class_uid()
                .starts_with(DIRECTORY);
            return if directory || WITHOUT_IMAGE.contains(&modality.as_str()) {
                Ok(None)
            } else {
                // A slice that was cut before its size must not pass for a document.
                let got = format!("nothing, in an object of modality {modality:?}");
                Err(at.header("Rows", "a positive integer", got))
            };
        };
        let required = |attribute: a::Attribute| {
            count(object, attribute, at)?
                .filter(|n| *n > 0)
                .ok_or_else(|| at.header(attribute.0, "a positive integer", "nothing"))
        };
        let bits_allocated = required(a::BITS_ALLOCATED)?;
        let bits_stored = count(object, a::BITS_STORED, at)?.unwrap_or(bits_allocated);
        let high_bit = count(object, a::HIGH_BIT, at)?.unwrap_or(bits_stored.max(1) - 1);
        if bits_stored == 0
            || bits_stored > bits_allocated
            || high_bit >= bits_allocated
            || high_bit + 1 < bits_stored
        {
            let got = format!("{bits_stored} up to bit {high_bit} of {bits_allocated}");
            return Err(at.header("BitsStored", "bits that were allocated", got));
        }
        let frames = count(object, a::NUMBER_OF_FRAMES, at)?.unwrap_or(1).max(1);
        // Frames that a file cannot hold must not make us ask for memory.
        if frames > 1 << 20 {
            return Err(at.header("NumberOfFrames", "up to 1048576", frames));
        }
        let needed = frames as u128 * BYTES_TO_PLACE_A_FRAME;
        if needed > u128::from(options.max_alloc_bytes) {
            return Err(at.budget(needed, options.max_alloc_bytes));
        }
        let photometric = text(object, a::PHOTOMETRIC_INTERPRETATION)
            .ok_or_else(|| at.header("PhotometricInterpretation", "a value", "nothing"))?;
        if !items(object, a::MODALITY_LUT_SEQUENCE).is_empty() {
            return Err(at.unsupported("a DICOM modality look-up table"));
        }
        let detector = match exactly(object, a::PIXEL_SPACING, at)? {
            None => exactly(object, a::IMAGER_PIXEL_SPACING, at)?,
            spacing => spacing,
        };
        // Digitised films write 0 where they know nothing.
        let detector = detector.filter(|spacing: &[f64; 2]| spacing.iter().all(|mm| *mm > 0.0));
        let groups = Groups::of(object);
        Ok(Some(Self {
            sop_class: text(object, a::SOP_CLASS_UID).unwrap_or_default(),
            series_uid: text(object, a::SERIES_INSTANCE_UID).unwrap_or_default(),
            transfer_syntax: object.meta().transfer_syntax().to_owned(),
            rows,
            columns: required(a::COLUMNS)?,
            samples: count(object, a::SAMPLES_PER_PIXEL, at)?.unwrap_or(1).max(1),
            frames,
            bits_allocated,
            bits_stored,
            high_bit,
            signed: count(object, a::PIXEL_REPRESENTATION, at)? == Some(1),
            photometric,
            planar: count(object, a::PLANAR_CONFIGURATION, at)? == Some(1),
            detector_spacing_mm_yx: detector,
            planes: planes(object, &groups, frames, at)?,
            rescale: (0..frames)
                .map(|frame| rescale(object, &groups, frame, at))
                .collect::<Result<_, _>>()?,
            slice_spacing_mm: slice_spacing(object, &groups, at)?,
        }))
    }

    pub(super) fn is_segmentation(&self) -> bool {
        [SEGMENTATION, LABEL_MAP_SEGMENTATION].contains(&self.sop_class.as_str())
    }

    /// The UID of how pixels are encoded.
    pub(super) fn transfer_syntax(&self) -> &str {
        self.transfer_syntax.trim_end_matches(['\0', ' '])
    }

    /// Pixels of one frame.
    pub(super) fn pixels(&self) -> usize {
        self.rows * self.columns
    }
}
