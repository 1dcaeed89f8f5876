//! Attributes of an object, by name and type.

use dicom_core::PrimitiveValue;
use dicom_dictionary_std::tags;
use dicom_object::{FileDicomObject, InMemDicomObject, Tag};

use crate::IoError;
use crate::error::At;

pub(super) type Object = InMemDicomObject;
pub(super) type FileObject = FileDicomObject<InMemDicomObject>;

/// An attribute's name, for messages, and its tag.
pub(super) type Attribute = (&'static str, Tag);

macro_rules! attributes {
    ($($name:ident = $text:literal;)*) => {
        $(pub(super) const $name: Attribute = ($text, tags::$name);)*
    };
}

attributes! {
    BITS_ALLOCATED = "BitsAllocated";
    BITS_STORED = "BitsStored";
    COLUMNS = "Columns";
    DOSE_GRID_SCALING = "DoseGridScaling";
    GRID_FRAME_OFFSET_VECTOR = "GridFrameOffsetVector";
    HIGH_BIT = "HighBit";
    IMAGE_ORIENTATION_PATIENT = "ImageOrientationPatient";
    IMAGE_POSITION_PATIENT = "ImagePositionPatient";
    IMAGER_PIXEL_SPACING = "ImagerPixelSpacing";
    MODALITY = "Modality";
    MODALITY_LUT_SEQUENCE = "ModalityLUTSequence";
    NUMBER_OF_FRAMES = "NumberOfFrames";
    PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE = "PerFrameFunctionalGroupsSequence";
    PHOTOMETRIC_INTERPRETATION = "PhotometricInterpretation";
    PIXEL_MEASURES_SEQUENCE = "PixelMeasuresSequence";
    PIXEL_REPRESENTATION = "PixelRepresentation";
    PIXEL_SPACING = "PixelSpacing";
    PIXEL_VALUE_TRANSFORMATION_SEQUENCE = "PixelValueTransformationSequence";
    PLANAR_CONFIGURATION = "PlanarConfiguration";
    PLANE_ORIENTATION_SEQUENCE = "PlaneOrientationSequence";
    PLANE_POSITION_SEQUENCE = "PlanePositionSequence";
    REFERENCED_SEGMENT_NUMBER = "ReferencedSegmentNumber";
    RESCALE_INTERCEPT = "RescaleIntercept";
    RESCALE_SLOPE = "RescaleSlope";
    ROWS = "Rows";
    SAMPLES_PER_PIXEL = "SamplesPerPixel";
    SEGMENT_IDENTIFICATION_SEQUENCE = "SegmentIdentificationSequence";
    SEGMENT_LABEL = "SegmentLabel";
    SEGMENT_NUMBER = "SegmentNumber";
    SEGMENT_SEQUENCE = "SegmentSequence";
    SEGMENTATION_TYPE = "SegmentationType";
    SERIES_INSTANCE_UID = "SeriesInstanceUID";
    SHARED_FUNCTIONAL_GROUPS_SEQUENCE = "SharedFunctionalGroupsSequence";
    SLICE_THICKNESS = "SliceThickness";
    SOP_CLASS_UID = "SOPClassUID";
    SPACING_BETWEEN_SLICES = "SpacingBetweenSlices";
}

/// The numbers of an attribute; none when it is absent or empty.
pub(super) fn numbers(
    object: &Object,
    (name, tag): Attribute,
    at: At<'_>,
) -> Result<Option<Vec<f64>>, IoError> {
    let Some(element) = object.get(tag) else {
        return Ok(None);
    };
    if element
        .value()
        .primitive()
        .is_none_or(|value| value.multiplicity() == 0)
    {
        return Ok(None);
    }
    let numbers = match element.value().primitive() {
        // Bytes of an unknown type are not numbers one by one.
        Some(PrimitiveValue::U8(bytes)) => numbers_in_text(bytes)
            .ok_or_else(|| at.header(name, "numbers as text", format!("{} bytes", bytes.len())))?,
        _ => element
            .to_multi_float64()
            .map_err(|error| at.header(name, "numbers", error))?,
    };
    if let Some(bad) = numbers.iter().find(|n| !n.is_finite()) {
        return Err(at.header(name, "finite numbers", bad));
    }
    Ok(Some(numbers).filter(|numbers| !numbers.is_empty()))
}

fn numbers_in_text(bytes: &[u8]) -> Option<Vec<f64>> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.trim_end_matches(['\0', ' '])
        .split('\\')
        .map(|number| number.trim().parse().ok())
        .collect()
}

/// Exactly `N` numbers.
pub(super) fn exactly<const N: usize>(
    object: &Object,
    attribute: Attribute,
    at: At<'_>,
) -> Result<Option<[f64; N]>, IoError> {
    let Some(found) = numbers(object, attribute, at)? else {
        return Ok(None);
    };
    match <[f64; N]>::try_from(found) {
        Ok(numbers) => Ok(Some(numbers)),
        Err(found) => Err(at.header(
            attribute.0,
            "another count of numbers",
            format!("{found:?}"),
        )),
    }
}

/// One number, the first of several.
pub(super) fn number(
    object: &Object,
    attribute: Attribute,
    at: At<'_>,
) -> Result<Option<f64>, IoError> {
    Ok(numbers(object, attribute, at)?.and_then(|numbers| numbers.first().copied()))
}

/// One integer from 0.
pub(super) fn count(
    object: &Object,
    attribute: Attribute,
    at: At<'_>,
) -> Result<Option<usize>, IoError> {
    match number(object, attribute, at)? {
        None => Ok(None),
        Some(n) if n >= 0.0 && n.fract() == 0.0 && n < 4_294_967_296.0 => Ok(Some(n as usize)),
        Some(n) => Err(at.header(attribute.0, "an integer from 0", n)),
    }
}

/// A text without its padding; none when absent or empty.
pub(super) fn text(object: &Object, (_, tag): Attribute) -> Option<String> {
    let text = object.get(tag)?.to_str().ok()?;
    let text = text.trim_end_matches(['\0', ' ']).trim_start();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The items of a sequence; none when absent.
pub(super) fn items(object: &Object, (_, tag): Attribute) -> &[Object] {
    object
        .get(tag)
        .and_then(|element| element.items())
        .unwrap_or_default()
}
