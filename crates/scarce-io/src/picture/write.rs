//! Writing PNG.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, RgbImage};
use ndarray::{ArrayView2, ArrayView3};

use super::completeness::picture_error;
use crate::{IoError, write_atomic};

/// Writes pixels `(y, x, 3)` as an 8-bit RGB PNG.
///
/// # Errors
/// [`IoError::Picture`] when the last axis is not 3 long; [`IoError::System`].
pub fn write_png_rgb(path: &Path, pixels: ArrayView3<'_, u8>) -> Result<(), IoError> {
    let (height, width, channels) = pixels.dim();
    let raw: Vec<u8> = pixels.iter().copied().collect();
    let picture = RgbImage::from_raw(width as u32, height as u32, raw)
        .filter(|_| channels == 3)
        .ok_or_else(|| {
            let message = format!("expected pixels (y, x, 3), got {:?}", pixels.dim());
            picture_error(message, path)
        })?;
    write(path, &DynamicImage::ImageRgb8(picture))
}

/// Writes pixels `(y, x)` as an 8-bit grey PNG.
///
/// # Errors
/// [`IoError::Picture`] for an empty picture; [`IoError::System`].
pub fn write_png_grey(path: &Path, pixels: ArrayView2<'_, u8>) -> Result<(), IoError> {
    let (height, width) = pixels.dim();
    let raw: Vec<u8> = pixels.iter().copied().collect();
    let picture = GrayImage::from_raw(width as u32, height as u32, raw)
        .filter(|_| width * height > 0)
        .ok_or_else(|| picture_error("a picture without pixels", path))?;
    write(path, &DynamicImage::ImageLuma8(picture))
}

/// Writes pixels `(y, x)` as a 16-bit grey PNG.
///
/// # Errors
/// [`IoError::Picture`] for an empty picture; [`IoError::System`].
pub fn write_png_grey16(path: &Path, pixels: ArrayView2<'_, u16>) -> Result<(), IoError> {
    let (height, width) = pixels.dim();
    let raw: Vec<u16> = pixels.iter().copied().collect();
    let picture = ImageBuffer::<Luma<u16>, _>::from_raw(width as u32, height as u32, raw)
        .filter(|_| width * height > 0)
        .ok_or_else(|| picture_error("a picture without pixels", path))?;
    write(path, &DynamicImage::ImageLuma16(picture))
}

fn write(path: &Path, picture: &DynamicImage) -> Result<(), IoError> {
    let mut png = Cursor::new(Vec::new());
    picture
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|error| picture_error(error, path))?;
    write_atomic(path, |file| file.write_all(png.get_ref()))
}
