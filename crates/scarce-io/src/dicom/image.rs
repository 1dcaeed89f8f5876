//! A single image, in colours or grey.

use std::path::Path;

use ndarray::Array3;
use scarce_image::Image;

use super::header::ImageHeader;
use super::intensities::finish;
use super::object::read_object;
use super::pixels::decode;
use super::transfer_syntax::is_compressed;
use crate::error::At;
use crate::provenance::Warnings;
use crate::{Format, IoError, Loaded, Provenance, ReadOptions};

/// Reads a single image, in colours or grey.
pub(crate) fn read_image(path: &Path, options: &ReadOptions) -> Result<Loaded<Image>, IoError> {
    let at = At(path);
    let mut warnings = Warnings::default();
    let object = read_object(path, options, &mut warnings)?;
    let header = ImageHeader::read(&object, options, at)?
        .ok_or_else(|| at.unsupported("a DICOM object that is no image"))?;
    let frame = options.frame_of(header.frames, path)?;
    let decoded = decode(&object, &header, options, at)?;
    let size = header.pixels() * header.samples;
    let mut values = decoded.values[frame * size..(frame + 1) * size].to_vec();
    finish(&mut values, &header, header.rescale[frame], &mut warnings);
    let samples = if decoded.colours { 3 } else { header.samples };
    let pixels = Array3::from_shape_vec((header.rows, header.columns, samples), values)
        .map_err(|error| at.dicom(error))?
        .permuted_axes([2, 0, 1]);
    Ok(Loaded {
        value: Image::new(pixels, header.detector_spacing_mm_yx),
        provenance: Provenance {
            format: Format::Dicom,
            compressed: is_compressed(&header),
            stored_type: decoded.stored_type,
            frames: header.frames,
            files: vec![path.to_owned()],
            warnings: warnings.into_vec(),
        },
    })
}
