//! What an image object says of its pixels, and where each of its frames lies.

use glam::DVec3;

use super::attributes::{
    self as a, FileObject, Object, count, exactly, items, number, numbers, text,
};
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

/// value = slope · stored + intercept
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rescale {
    pub slope: f64,
    pub intercept: f64,
}

/// Where a frame lies; DICOM's world is LPS in mm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plane {
    /// Centre of the first pixel.
    pub position_lps: DVec3,
    /// Unit vector along a row, in which the column's number grows.
    pub along_row: DVec3,
    /// Unit vector along a column.
    pub along_column: DVec3,
    /// Distance of rows, then of columns.
    pub spacing_mm_yx: [f64; 2],
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

/// Functional groups of multi-frame objects: per frame, and shared by all.
struct Groups<'a> {
    per_frame: &'a [Object],
    shared: Option<&'a Object>,
}

impl<'a> Groups<'a> {
    fn of(object: &'a Object) -> Self {
        Self {
            per_frame: items(object, a::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE),
            shared: items(object, a::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first(),
        }
    }

    /// A group's item for a frame, its own before the shared one.
    fn item(&self, sequence: a::Attribute, frame: usize) -> Option<&'a Object> {
        let own = self.per_frame.get(frame);
        own.into_iter()
            .chain(self.shared)
            .find_map(|group| items(group, sequence).first())
    }
}

fn planes(
    object: &Object,
    groups: &Groups<'_>,
    frames: usize,
    at: At<'_>,
) -> Result<Vec<Option<Plane>>, IoError> {
    let offsets = numbers(object, a::GRID_FRAME_OFFSET_VECTOR, at)?.unwrap_or_default();
    (0..frames)
        .map(|frame| {
            let position = groups.item(a::PLANE_POSITION_SEQUENCE, frame);
            // A multi-frame object with one position and no offsets has frames in time, not in space.
            if position.is_none() && frames > 1 && offsets.len() != frames {
                return Ok(None);
            }
            let orientation = groups.item(a::PLANE_ORIENTATION_SEQUENCE, frame);
            let measures = groups.item(a::PIXEL_MEASURES_SEQUENCE, frame);
            let (Some(position), Some(orientation), Some(spacing_mm_yx)) = (
                exactly::<3>(position.unwrap_or(object), a::IMAGE_POSITION_PATIENT, at)?,
                exactly::<6>(
                    orientation.unwrap_or(object),
                    a::IMAGE_ORIENTATION_PATIENT,
                    at,
                )?,
                exactly::<2>(measures.unwrap_or(object), a::PIXEL_SPACING, at)?,
            ) else {
                return Ok(None);
            };
            let mut plane = plane(position, orientation, spacing_mm_yx, at)?;
            if let Some(offset) = offsets.get(frame).filter(|_| frames > 1) {
                let normal = plane.along_row.cross(plane.along_column);
                plane.position_lps += normal * (offset - offsets[0]);
            }
            Ok(Some(plane))
        })
        .collect()
}

fn plane(
    position: [f64; 3],
    orientation: [f64; 6],
    spacing_mm_yx: [f64; 2],
    at: At<'_>,
) -> Result<Plane, IoError> {
    let [rx, ry, rz, cx, cy, cz] = orientation;
    let (row, column) = (DVec3::new(rx, ry, rz), DVec3::new(cx, cy, cz));
    let unit = |v: DVec3| (v.length() - 1.0).abs() < 1e-2;
    if !(unit(row) && unit(column) && row.dot(column).abs() < 1e-2) {
        let got = format!("{orientation:?}");
        return Err(at.header(
            "ImageOrientationPatient",
            "two unit vectors at right angles",
            got,
        ));
    }
    if !spacing_mm_yx.iter().all(|s| *s > 0.0) {
        return Err(at.header(
            "PixelSpacing",
            "positive numbers",
            format!("{spacing_mm_yx:?}"),
        ));
    }
    Ok(Plane {
        position_lps: DVec3::from_array(position),
        along_row: row.normalize(),
        along_column: column.normalize(),
        spacing_mm_yx,
    })
}

fn rescale(
    object: &Object,
    groups: &Groups<'_>,
    frame: usize,
    at: At<'_>,
) -> Result<Rescale, IoError> {
    let own = groups.item(a::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, frame);
    let from = own.unwrap_or(object);
    let slope = match number(from, a::RESCALE_SLOPE, at)? {
        None => number(object, a::DOSE_GRID_SCALING, at)?,
        slope => slope,
    };
    if slope == Some(0.0) {
        return Err(at.header("RescaleSlope", "a number that is not 0", 0));
    }
    Ok(Rescale {
        slope: slope.unwrap_or(1.0),
        intercept: number(from, a::RESCALE_INTERCEPT, at)?.unwrap_or(0.0),
    })
}

/// `SpacingBetweenSlices`, else `SliceThickness`.
fn slice_spacing(object: &Object, groups: &Groups<'_>, at: At<'_>) -> Result<Option<f64>, IoError> {
    let from = groups.item(a::PIXEL_MEASURES_SEQUENCE, 0).unwrap_or(object);
    for attribute in [a::SPACING_BETWEEN_SLICES, a::SLICE_THICKNESS] {
        if let Some(spacing) = number(from, attribute, at)?.map(f64::abs)
            && spacing > 0.0
        {
            return Ok(Some(spacing));
        }
    }
    Ok(None)
}
