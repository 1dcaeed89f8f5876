//! Reading pictures.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use ndarray::{Array3, Axis};
use scarce_image::Image;

use super::completeness::{check, picture_error};
use super::jpeg;
use crate::content::read_whole;
use crate::error::At;
use crate::opened::{Opened, Voxels, geometry_of_no_format};
use crate::provenance::Warnings;
use crate::{Format, IoError, Loaded, Provenance, ReadOptions, dicom};

/// Reads a PNG, JPEG, TIFF or single DICOM image as `(channel, y, x)`, one channel for grey, three for
/// RGB. Values are those of the file, 0 to 255 or 0 to 65535, or after DICOM's rescale; DICOM's
/// MONOCHROME1 is inverted, so that more is brighter; a JPEG's EXIF orientation is applied.
/// Reservations are logged.
///
/// # Errors
/// [`IoError::Picture`] for damaged data, [`IoError::Truncated`] for a file without its end,
/// [`IoError::Unsupported`] for transparency and several pages.
pub fn read_image(path: &Path) -> Result<Image, IoError> {
    read_image_with(path, &ReadOptions::default()).map(Loaded::into_logged)
}

/// [`read_image`] with options, and with the provenance.
///
/// # Errors
/// As [`read_image`].
pub fn read_image_with(path: &Path, options: &ReadOptions) -> Result<Loaded<Image>, IoError> {
    let bytes = read_whole(path, options)?;
    let format = match Format::of_content(&bytes) {
        Some(Format::Dicom) => return dicom::read_image(path, options),
        Some(format) if format.is_picture() => format,
        None if bytes.is_empty() => return Err(At(path).truncated("picture", 8, 0)),
        _ => {
            return Err(IoError::UnknownFormat {
                expected: "PNG, JPEG, TIFF or DICOM",
                path: path.to_owned(),
            });
        }
    };
    let mut warnings = Warnings::default();
    let (stored_type, pixels) = decode(format, &bytes, options, &mut warnings, path)?;
    Ok(Loaded {
        value: Image::new(pixels, None),
        provenance: Provenance {
            format,
            compressed: true,
            stored_type,
            frames: 1,
            files: vec![path.to_owned()],
            warnings: warnings.into_vec(),
        },
    })
}

/// A grey picture as a volume of one slice.
pub(crate) fn open_as_volume(path: &Path, options: &ReadOptions) -> Result<Opened, IoError> {
    let loaded = read_image_with(path, options)?;
    let pixels = loaded.value.pixels();
    let (channels, height, width) = pixels.dim();
    if channels != 1 {
        return Err(At(path).unsupported("a coloured picture as a volume"));
    }
    let mut warnings = Warnings::default();
    for warning in loaded.provenance.warnings {
        warnings.add_many(warning.code, warning.message, warning.count);
    }
    Ok(Opened {
        format: loaded.provenance.format,
        compressed: loaded.provenance.compressed,
        stored_type: loaded.provenance.stored_type,
        shape_zyx: [1, height, width],
        frames: 1,
        geometry: geometry_of_no_format(options, &mut warnings, path)?,
        voxels: Voxels::Values(pixels.clone()),
        label_names: std::collections::BTreeMap::new(),
        files: loaded.provenance.files,
        warnings,
    })
}

fn decode(
    format: Format,
    bytes: &[u8],
    options: &ReadOptions,
    warnings: &mut Warnings,
    path: &Path,
) -> Result<(&'static str, Array3<f32>), IoError> {
    check(format, bytes, path)?;
    let codec = match format {
        Format::Png => ImageFormat::Png,
        Format::Jpeg => ImageFormat::Jpeg,
        _ => ImageFormat::Tiff,
    };
    let fault = |error: image::ImageError| picture_error(error, path);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), codec);
    let mut limits = Limits::default();
    limits.max_alloc = Some(options.max_alloc_bytes);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(fault)?;
    let (width, height) = decoder.dimensions();
    // What the decoder makes, and the f32 copy.
    let needed = u128::from(decoder.total_bytes()) + u128::from(width) * u128::from(height) * 12;
    if needed > u128::from(options.max_alloc_bytes) {
        return Err(At(path).budget(needed, options.max_alloc_bytes));
    }
    let orientation = decoder.orientation().map_err(fault)?;
    let mut picture = if format == Format::Jpeg {
        jpeg::decode(bytes, path)?
    } else {
        DynamicImage::from_decoder(decoder).map_err(fault)?
    };
    if orientation != image::metadata::Orientation::NoTransforms {
        picture.apply_orientation(orientation);
        warnings.add(
            "turned",
            "the picture was turned as its EXIF orientation says",
        );
    }
    pixels(opaque(picture, warnings, path)?, path)
}

/// Transparency that hides nothing is dropped, any other refused: what it hides is not known.
fn opaque(
    picture: DynamicImage,
    warnings: &mut Warnings,
    path: &Path,
) -> Result<DynamicImage, IoError> {
    if !picture.color().has_alpha() {
        return Ok(picture);
    }
    let hides = match &picture {
        DynamicImage::ImageLumaA8(p) => p.pixels().any(|p| p.0[1] < u8::MAX),
        DynamicImage::ImageRgba8(p) => p.pixels().any(|p| p.0[3] < u8::MAX),
        DynamicImage::ImageLumaA16(p) => p.pixels().any(|p| p.0[1] < u16::MAX),
        DynamicImage::ImageRgba16(p) => p.pixels().any(|p| p.0[3] < u16::MAX),
        _ => true,
    };
    if hides {
        let what = format!("a transparent picture ({:?})", picture.color());
        return Err(At(path).unsupported(what));
    }
    warnings.add("alpha", "an alpha channel that hides nothing was dropped");
    Ok(match picture {
        DynamicImage::ImageLumaA8(_) => DynamicImage::ImageLuma8(picture.into_luma8()),
        DynamicImage::ImageLumaA16(_) => DynamicImage::ImageLuma16(picture.into_luma16()),
        DynamicImage::ImageRgba16(_) => DynamicImage::ImageRgb16(picture.into_rgb16()),
        other => DynamicImage::ImageRgb8(other.into_rgb8()),
    })
}

fn pixels(picture: DynamicImage, path: &Path) -> Result<(&'static str, Array3<f32>), IoError> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let array = |channels: usize, values: Vec<f32>| {
        Array3::from_shape_vec((height, width, channels), values)
            .map(|yxc| yxc.permuted_axes([2, 0, 1]))
            .map_err(|error| picture_error(error, path))
    };
    let from_u8 = |raw: Vec<u8>| raw.into_iter().map(f32::from).collect();
    let from_u16 = |raw: Vec<u16>| raw.into_iter().map(f32::from).collect();
    let (stored_type, mut pixels) = match picture {
        DynamicImage::ImageLuma8(p) => ("uint8", array(1, from_u8(p.into_raw()))?),
        DynamicImage::ImageLuma16(p) => ("uint16", array(1, from_u16(p.into_raw()))?),
        DynamicImage::ImageRgb8(p) => ("uint8", array(3, from_u8(p.into_raw()))?),
        DynamicImage::ImageRgb16(p) => ("uint16", array(3, from_u16(p.into_raw()))?),
        DynamicImage::ImageRgb32F(p) => ("float32", array(3, p.into_raw())?),
        other => {
            let what = format!("a picture of colour type {:?}", other.color());
            return Err(At(path).unsupported(what));
        }
    };
    if pixels.len_of(Axis(0)) == 1 {
        pixels = pixels.as_standard_layout().into_owned();
    }
    Ok((stored_type, pixels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write_png_rgb;

    #[test]
    fn a_picture_comes_back_and_every_prefix_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.png");
        let pixels = Array3::from_shape_fn((5, 7, 3), |(y, x, c)| (40 * y + 5 * x + c) as u8);
        write_png_rgb(&path, pixels.view()).unwrap();
        let read = read_image(&path).unwrap();
        assert_eq!(
            read.pixels(),
            &pixels.map(|v| f32::from(*v)).permuted_axes([2, 0, 1])
        );
        let mut whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(read_image(&path).is_err(), "{length} bytes were accepted");
        }
        whole.push(0);
        std::fs::write(&path, &whole).unwrap();
        assert!(matches!(read_image(&path), Err(IoError::Trailing { .. })));
    }
}
