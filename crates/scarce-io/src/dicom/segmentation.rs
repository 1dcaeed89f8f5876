//! DICOM segmentations as label maps.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{Array3, Axis};
use scarce_image::Geometry;

use super::attributes::{self as a, FileObject, count, items, text};
use super::frames::Plane;
use super::header::ImageHeader;
use super::pixels::decode;
use super::series::{Slice, stack};
use super::transfer_syntax::is_compressed;
use crate::error::At;
use crate::opened::{Opened, Voxels};
use crate::provenance::Warnings;
use crate::{Format, IoError, ReadOptions};

/// Frames are placed by their position; empty ones, which a segmentation may leave out, are 0.
pub(super) fn open(
    object: &FileObject,
    header: &ImageHeader,
    options: &ReadOptions,
    mut warnings: Warnings,
    path: &Path,
) -> Result<Opened, IoError> {
    let at = At(path);
    let kind = text(object, a::SEGMENTATION_TYPE).unwrap_or_default();
    if !["BINARY", "LABELMAP"].contains(&kind.as_str()) {
        return Err(at.unsupported(format!("a DICOM segmentation of type {kind:?}")));
    }
    let planes: Vec<Plane> = header
        .planes
        .iter()
        .copied()
        .collect::<Option<_>>()
        .ok_or_else(|| at.header("PlanePositionSequence", "a position for each frame", "none"))?;
    let (levels, geometry) = levels(&planes, header, &mut warnings, at)?;
    let n_slices = levels.iter().max().map_or(1, |last| last + 1);
    let needed = n_slices as u128 * header.pixels() as u128 * 2;
    if needed > u128::from(options.max_alloc_bytes) {
        return Err(at.budget(needed, options.max_alloc_bytes));
    }
    let decoded = decode(object, header, options, at)?;
    let mut labels = Array3::<u16>::zeros((n_slices, header.rows, header.columns));
    let per_frame = items(object, a::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    for (frame, values) in decoded.values.chunks_exact(header.pixels()).enumerate() {
        let segment = if kind == "LABELMAP" {
            None
        } else {
            Some(segment_of(object, per_frame.get(frame), at)?)
        };
        let mut level = labels.index_axis_mut(Axis(0), levels[frame]);
        for (label, value) in level.iter_mut().zip(values) {
            let found = match segment {
                Some(segment) if *value != 0.0 => segment,
                Some(_) => continue,
                None => *value as u16,
            };
            if *label != 0 && *label != found {
                let what =
                    format!("a DICOM segmentation whose segments {label} and {found} overlap");
                return Err(at.unsupported(what));
            }
            *label = found;
        }
    }
    Ok(Opened {
        format: Format::Dicom,
        compressed: is_compressed(header),
        stored_type: decoded.stored_type,
        shape_zyx: [n_slices, header.rows, header.columns],
        frames: 1,
        geometry,
        voxels: Voxels::Labels(labels),
        label_names: names(object, at)?,
        files: vec![path.to_owned()],
        warnings,
    })
}

/// For each frame the number of its slice, and the geometry of all slices.
fn levels(
    planes: &[Plane],
    header: &ImageHeader,
    warnings: &mut Warnings,
    at: At<'_>,
) -> Result<(Vec<usize>, Geometry), IoError> {
    let first = planes[0];
    let normal = first.along_row.cross(first.along_column).normalize();
    let along: Vec<f64> = planes.iter().map(|p| p.position_lps.dot(normal)).collect();
    let mut sorted = along.clone();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup_by(|b, a| (*b - *a).abs() < 1e-3);
    let nearest = sorted
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(f64::INFINITY, f64::min);
    let told = header.slice_spacing_mm;
    let spacing_mm = if sorted.len() == 1 {
        told.unwrap_or(1.0)
    } else {
        told.filter(|mm| (nearest / mm - (nearest / mm).round()).abs() < 0.05)
            .filter(|mm| nearest / mm > 0.5)
            .unwrap_or(nearest)
    };
    let lowest = sorted[0];
    let levels: Vec<usize> = along
        .iter()
        .map(|height| {
            let level = (height - lowest) / spacing_mm;
            if (level - level.round()).abs() > 0.1 || level > 65536.0 {
                let got = format!("{height} mm, {level} slices above the lowest");
                return Err(at.header("ImagePositionPatient", "whole slice distances", got));
            }
            Ok(level.round() as usize)
        })
        .collect::<Result<_, _>>()?;
    let lowest_frame = (0..planes.len())
        .min_by(|a, b| along[*a].total_cmp(&along[*b]))
        .unwrap_or(0);
    let bottom = Slice {
        file: 0,
        frame: lowest_frame,
        plane: planes[lowest_frame],
        name: String::new(),
    };
    let (_, geometry) = stack(vec![bottom], Some(spacing_mm), warnings, at)?;
    Ok((levels, geometry))
}

fn segment_of(object: &FileObject, groups: Option<&a::Object>, at: At<'_>) -> Result<u16, IoError> {
    let shared = items(object, a::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
    let identification = groups
        .into_iter()
        .chain(shared)
        .find_map(|group| items(group, a::SEGMENT_IDENTIFICATION_SEQUENCE).first());
    let number = match identification {
        None => None,
        Some(item) => count(item, a::REFERENCED_SEGMENT_NUMBER, at)?,
    };
    number
        .and_then(|n| u16::try_from(n).ok())
        .filter(|n| *n > 0)
        .ok_or_else(|| {
            at.header(
                "ReferencedSegmentNumber",
                "1 to 65535 for each frame",
                "none",
            )
        })
}

fn names(object: &FileObject, at: At<'_>) -> Result<BTreeMap<u16, String>, IoError> {
    let mut names = BTreeMap::new();
    for segment in items(object, a::SEGMENT_SEQUENCE) {
        let number = count(segment, a::SEGMENT_NUMBER, at)?.and_then(|n| u16::try_from(n).ok());
        if let (Some(number), Some(label)) = (number, text(segment, a::SEGMENT_LABEL)) {
            names.insert(number, label);
        }
    }
    Ok(names)
}
