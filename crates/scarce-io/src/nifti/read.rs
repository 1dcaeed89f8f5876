//! From a header to a layout, and to where the voxels are.

use std::io::Read;
use std::path::{Path, PathBuf};

use scarce_image::Geometry;

use super::affine::{Source, world_from_voxel};
use super::header::Header;
use crate::content::open_stream;
use crate::error::At;
use crate::opened::Opened;
use crate::provenance::Warnings;
use crate::stored::{Layout, StoredType};
use crate::{Format, IoError};

/// Extensions are never this long.
const MAX_OFFSET: f64 = 1e9;

/// By how much of itself a spacing may differ from that of the sform.
const SPACING_TOLERANCE: f64 = 0.01;

/// Reads the header and skips to the voxels, or opens the pair's other file.
pub(crate) fn open(
    mut stream: Box<dyn Read + Send>,
    compressed: bool,
    path: &Path,
) -> Result<Opened, IoError> {
    let at = At(path);
    let header = Header::read(&mut stream, at)?;
    let mut warnings = Warnings::default();
    let layout = layout(&header, &mut warnings, at)?;
    let format = if header.version == 1 {
        Format::Nifti1
    } else {
        Format::Nifti2
    };
    let mut opened = if header.single_file {
        let offset = offset(&header, header.bytes(), at)?;
        // What lies between are extensions, of no meaning for the voxels.
        let between = offset - header.bytes();
        Layout::skip(&mut stream, between, "header extensions", path)?;
        Opened::stream(format, compressed, layout, stream, path)
    } else {
        let other = other_of_pair(path, "img")
            .ok_or_else(|| at.unsupported("a .hdr whose .img is not beside it"))?;
        let (_, compressed, mut voxels) = open_stream(&other)?;
        let offset = offset(&header, 0, at)?;
        Layout::skip(&mut voxels, offset, "bytes before the voxels", &other)?;
        let mut opened = Opened::stream(format, compressed, layout, voxels, path);
        opened.files.push(other);
        opened
    };
    opened.warnings = warnings;
    Ok(opened)
}

/// Whether this is the voxel file of a pair, whose content has no magic.
pub(crate) fn is_voxel_file_of_pair(path: &Path) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    (name.ends_with(".img") || name.ends_with(".img.gz")) && other_of_pair(path, "hdr").is_some()
}

/// Opens a pair that is named by its voxel file.
pub(crate) fn open_pair_by_voxel_file(path: &Path) -> Result<Opened, IoError> {
    let header = other_of_pair(path, "hdr")
        .ok_or_else(|| At(path).unsupported("an .img whose .hdr is not beside it"))?;
    let (_, compressed, stream) = open_stream(&header)?;
    open(stream, compressed, &header)
}

/// The file of a pair with that ending, gzipped or not.
fn other_of_pair(path: &Path, ending: &str) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let plain = if name.to_lowercase().ends_with(".gz") {
        &name[..name.len() - 3]
    } else {
        &name
    };
    let stem = plain.rsplit_once('.')?.0;
    [".gz", ""]
        .iter()
        .map(|gz| path.with_file_name(format!("{stem}.{ending}{gz}")))
        .find(|candidate| candidate.is_file())
}

fn offset(header: &Header, least: usize, at: At<'_>) -> Result<usize, IoError> {
    let offset = header.vox_offset;
    if (least as f64..=MAX_OFFSET).contains(&offset) && offset.fract() == 0.0 {
        Ok(offset as usize)
    } else {
        Err(at.header("vox_offset", "an integer behind the header", offset))
    }
}

fn layout(header: &Header, warnings: &mut Warnings, at: At<'_>) -> Result<Layout, IoError> {
    let (shape_xyz, frames) = shape(header, at)?;
    // A slope of 0 means that there is none; NaN is how several tools write the same.
    let scaled = header.scl_slope.is_finite() && header.scl_slope != 0.0;
    let (slope, intercept) = if scaled {
        if !header.scl_inter.is_finite() {
            let expected = "a finite number beside a finite scl_slope";
            return Err(at.header("scl_inter", expected, header.scl_inter));
        }
        (header.scl_slope, header.scl_inter)
    } else {
        if header.scl_slope.is_infinite() {
            return Err(at.header("scl_slope", "a finite number, 0 or NaN", header.scl_slope));
        }
        (1.0, 0.0)
    };
    Ok(Layout {
        shape_xyz,
        frames,
        geometry: geometry(header, shape_xyz, warnings, at)?,
        stored: stored_type(header, at)?,
        big_endian: header.big_endian,
        slope,
        intercept,
    })
}

/// The first three axes, and the product of the others.
fn shape(header: &Header, at: At<'_>) -> Result<([usize; 3], usize), IoError> {
    let mut shape = [1usize; 7];
    for (axis, n) in shape.iter_mut().enumerate().take(header.dim[0] as usize) {
        let dim = header.dim[axis + 1];
        *n = usize::try_from(dim)
            .ok()
            .filter(|n| (1..=1 << 31).contains(n))
            .ok_or_else(|| at.header(&format!("dim[{}]", axis + 1), "a positive number", dim))?;
    }
    let frames = shape[3..]
        .iter()
        .try_fold(1usize, |product, n| product.checked_mul(*n));
    let frames = frames.ok_or_else(|| at.header("dim", "fewer volumes", format!("{shape:?}")))?;
    Ok(([shape[0], shape[1], shape[2]], frames))
}

fn stored_type(header: &Header, at: At<'_>) -> Result<StoredType, IoError> {
    let stored = match header.datatype {
        2 => StoredType::U8,
        4 => StoredType::I16,
        8 => StoredType::I32,
        16 => StoredType::F32,
        64 => StoredType::F64,
        256 => StoredType::I8,
        512 => StoredType::U16,
        768 => StoredType::U32,
        1024 => StoredType::I64,
        1280 => StoredType::U64,
        1 => return Err(at.unsupported("NIfTI of single bits (datatype 1)")),
        32 | 1792 | 2048 => return Err(at.unsupported("NIfTI of complex numbers")),
        128 | 2304 => return Err(at.unsupported("NIfTI of colours")),
        1536 => return Err(at.unsupported("NIfTI of 128-bit floats")),
        other => return Err(at.unsupported(format!("NIfTI datatype {other}"))),
    };
    if header.bitpix != 0 && usize::from(header.bitpix.unsigned_abs()) != 8 * stored.bytes() {
        return Err(at.header("bitpix", "the datatype's size", header.bitpix));
    }
    Ok(stored)
}

fn geometry(
    header: &Header,
    shape_xyz: [usize; 3],
    warnings: &mut Warnings,
    at: At<'_>,
) -> Result<Geometry, IoError> {
    let (mut affine, source) = world_from_voxel(header, shape_xyz, at)?;
    let mm = match header.xyzt_units & 7 {
        0 | 2 => 1.0,
        1 => 1000.0,
        3 => 0.001,
        unit => return Err(at.header("xyzt_units", "a unit of length from 0 to 3", unit)),
    };
    if source != Source::Sform && header.spacing().iter().any(|pixdim| *pixdim < 0.0) {
        let message = "a negative pixdim is taken without its sign";
        warnings.add("negative-spacing", message);
    }
    affine.matrix3 *= mm;
    affine.translation *= mm;
    if source == Source::Spacing {
        let message = "neither sform nor qform is set; the volume is centred at the origin";
        warnings.add("no-orientation", message);
    }
    let geometry = Geometry::new(affine).map_err(|source| at.geometry(source))?;
    if source == Source::Sform {
        let told = header.spacing().iter().map(|pixdim| pixdim.abs() * mm);
        let agrees = |(told, mm): (f64, f64)| (told - mm).abs() <= SPACING_TOLERANCE * mm;
        if !told.zip(geometry.spacing_mm_xyz()).all(agrees) {
            let message = "pixdim and sform tell different spacings; the sform is taken";
            warnings.add("two-spacings", message);
        }
    }
    if source == Source::Sform && header.qform_code > 0 {
        let qform_only = Header {
            sform_code: 0,
            ..header.clone()
        };
        // A broken qform beside a good sform is a reservation too.
        let agrees = world_from_voxel(&qform_only, shape_xyz, at).is_ok_and(|(mut other, _)| {
            other.matrix3 *= mm;
            other.translation *= mm;
            let [x, y, z] = shape_xyz;
            Geometry::new(other).is_ok_and(|other| {
                let finest = geometry
                    .spacing_mm_xyz()
                    .into_iter()
                    .fold(f64::MAX, f64::min);
                geometry.is_close_to(&other, [z, y, x], 0.1 * finest)
            })
        });
        if !agrees {
            warnings.add(
                "two-geometries",
                "sform and qform disagree; the sform is taken",
            );
        }
    }
    Ok(geometry)
}
