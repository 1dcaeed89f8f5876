//! Objects and series as volumes and label maps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::Array3;
use rayon::prelude::*;
use scarce_image::Geometry;

use super::frames::Plane;
use super::header::ImageHeader;
use super::intensities::finish;
use super::object::{read_header, read_object};
use super::pixels::decode;
use super::segmentation;
use super::series::{Slice, stack};
use super::transfer_syntax::is_compressed;
use crate::error::At;
use crate::opened::{Opened, Voxels, geometry_of_no_format};
use crate::provenance::Warnings;
use crate::{Format, IoError, ReadOptions, SeriesFault};

/// A file, its header read and its pixels not.
pub(super) struct Member {
    pub path: PathBuf,
    pub header: ImageHeader,
}

/// Opens one object: a multi-frame volume, a segmentation, or a slice.
pub(crate) fn open_file(path: &Path, options: &ReadOptions) -> Result<Opened, IoError> {
    let header = read_header(path, options)?
        .ok_or_else(|| At(path).unsupported("a DICOM object that is no image"))?;
    let member = Member {
        path: path.to_owned(),
        header,
    };
    open_members(vec![member], options, Warnings::default(), path)
}

pub(super) fn open_members(
    members: Vec<Member>,
    options: &ReadOptions,
    mut warnings: Warnings,
    path: &Path,
) -> Result<Opened, IoError> {
    let at = At(path);
    check_same_pixels(&members, path)?;
    let header = &members[0].header;
    if header.is_segmentation() {
        let [only] = &members[..] else {
            return Err(at.unsupported("several DICOM segmentations in one series"));
        };
        let object = read_object(&only.path, options, &mut warnings)?;
        return segmentation::open(&object, header, options, warnings, &only.path);
    }
    if header.samples > 1 {
        return Err(at.unsupported("a coloured DICOM image as a volume"));
    }
    let planes: Option<Vec<Vec<Plane>>> = members
        .iter()
        .map(|m| m.header.planes.iter().copied().collect())
        .collect();
    let (slices, geometry) = match planes {
        Some(planes) => {
            let slices = slices(&members, planes);
            stack(slices, header.slice_spacing_mm, &mut warnings, at)?
        }
        None => lone_frame(&members, options, &mut warnings, path)?,
    };
    let shape_zyx = [slices.len(), header.rows, header.columns];
    let needed = shape_zyx.iter().map(|n| *n as u128).product::<u128>() * 4;
    if needed > u128::from(options.max_alloc_bytes) {
        return Err(at.budget(needed, options.max_alloc_bytes));
    }
    let (voxels, stored_type) = read_voxels(&members, &slices, shape_zyx, options, &mut warnings)?;
    let files = slices.iter().map(|slice| members[slice.file].path.clone());
    let mut files: Vec<PathBuf> = files.collect();
    files.dedup();
    Ok(Opened {
        format: Format::Dicom,
        compressed: is_compressed(header),
        stored_type,
        shape_zyx,
        frames: 1,
        geometry,
        voxels: Voxels::Values(voxels),
        label_names: BTreeMap::new(),
        files,
        warnings,
    })
}

fn slices(members: &[Member], planes: Vec<Vec<Plane>>) -> Vec<Slice> {
    let mut slices = Vec::new();
    for (file, planes) in planes.into_iter().enumerate() {
        let name = file_name(&members[file].path);
        let several = planes.len() > 1;
        for (frame, plane) in planes.into_iter().enumerate() {
            slices.push(Slice {
                file,
                frame,
                plane,
                name: if several {
                    format!("frame {frame} of {name}")
                } else {
                    name.clone()
                },
            });
        }
    }
    slices
}

/// A frame that lies nowhere: alone it is a volume of one slice, among others it is refused.
fn lone_frame(
    members: &[Member],
    options: &ReadOptions,
    warnings: &mut Warnings,
    path: &Path,
) -> Result<(Vec<Slice>, Geometry), IoError> {
    let [only] = members else {
        let message = "several slices of which not all have a position, orientation and spacing";
        return Err(At(path).dicom(message));
    };
    let frame = options.frame_of(only.header.frames, path)?;
    let spacing_mm_yx = only.header.detector_spacing_mm_yx.unwrap_or([1.0; 2]);
    let slice = Slice {
        file: 0,
        frame,
        plane: Plane {
            position_lps: glam::DVec3::ZERO,
            along_row: glam::DVec3::X,
            along_column: glam::DVec3::Y,
            spacing_mm_yx,
        },
        name: file_name(&only.path),
    };
    let [y, x] = spacing_mm_yx;
    let options = ReadOptions {
        spacing_mm_xyz: options.spacing_mm_xyz.or(Some([x, y, 1.0])),
        ..options.clone()
    };
    let message = "the image has no position in the patient; it lies at the origin";
    warnings.add("no-geometry", message);
    let geometry = geometry_of_no_format(&options, warnings, path)?;
    Ok((vec![slice], geometry))
}

fn check_same_pixels(members: &[Member], path: &Path) -> Result<(), IoError> {
    let first = &members[0].header;
    for member in members {
        let header = &member.header;
        for (field, expected, got) in [
            ("Rows", first.rows, header.rows),
            ("Columns", first.columns, header.columns),
            ("SamplesPerPixel", first.samples, header.samples),
        ] {
            if expected != got {
                return Err(IoError::Series {
                    fault: SeriesFault::Differs {
                        field,
                        expected: expected.to_string(),
                        got: got.to_string(),
                        file: file_name(&member.path),
                    },
                    path: path.to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// Decodes all files in parallel, each frame to its place.
fn read_voxels(
    members: &[Member],
    slices: &[Slice],
    shape_zyx: [usize; 3],
    options: &ReadOptions,
    warnings: &mut Warnings,
) -> Result<(Array3<f32>, &'static str), IoError> {
    let [_, rows, columns] = shape_zyx;
    let pixels = rows * columns;
    let mut voxels = Array3::zeros(shape_zyx);
    let mut stored_type = "";
    let flat: &mut [f32] = voxels.as_slice_mut().unwrap_or_default();
    let mut places: Vec<Vec<(usize, &mut [f32])>> = members.iter().map(|_| Vec::new()).collect();
    for (slice, place) in slices.iter().zip(flat.chunks_exact_mut(pixels)) {
        places[slice.file].push((slice.frame, place));
    }
    let read: Vec<(&'static str, Warnings)> = members
        .par_iter()
        .zip(places)
        .map(|(member, places)| {
            let at = At(&member.path);
            let mut warnings = Warnings::default();
            let object = read_object(&member.path, options, &mut warnings)?;
            let decoded = decode(&object, &member.header, options, at)?;
            for (frame, place) in places {
                place.copy_from_slice(&decoded.values[frame * pixels..(frame + 1) * pixels]);
                finish(
                    place,
                    &member.header,
                    member.header.rescale[frame],
                    &mut warnings,
                );
            }
            Ok((decoded.stored_type, warnings))
        })
        .collect::<Result<_, IoError>>()?;
    for (found, noted) in read {
        stored_type = found;
        for warning in noted.into_vec() {
            warnings.add_many(warning.code, warning.message, warning.count);
        }
    }
    Ok((voxels, stored_type))
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default()
}
