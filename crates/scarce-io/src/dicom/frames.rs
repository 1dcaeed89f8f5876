//! What an object says of each of its frames: where it lies and what its numbers mean.

use glam::DVec3;

use super::attributes::{self as a, Object, exactly, items, number, numbers};
use crate::IoError;
use crate::error::At;

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

/// Functional groups of multi-frame objects: per frame, and shared by all.
pub(super) struct Groups<'a> {
    per_frame: &'a [Object],
    shared: Option<&'a Object>,
}

impl<'a> Groups<'a> {
    pub(super) fn of(object: &'a Object) -> Self {
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

pub(super) fn planes(
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

pub(super) fn rescale(
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
pub(super) fn slice_spacing(
    object: &Object,
    groups: &Groups<'_>,
    at: At<'_>,
) -> Result<Option<f64>, IoError> {
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
