//! 2-D pictures.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat, ImageReader, RgbImage};
use ndarray::{Array3, ArrayView3};
use scarce_image::Image;

use crate::error::system;
use crate::{IoError, write_atomic};

/// Reads a PNG or JPEG as `(channel, y, x)`, one channel for grey, three for RGB; values are those
/// of the file, 0 to 255 or 0 to 65535.
///
/// # Errors
/// [`IoError::Picture`] for damaged data, [`IoError::Unsupported`] for transparency.
pub fn read_image(path: &Path) -> Result<Image, IoError> {
    let reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(system("cannot open", path))?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err(IoError::UnknownFormat {
            expected: "PNG or JPEG",
            path: path.to_owned(),
        });
    }
    let picture = reader
        .decode()
        .map_err(|error| picture_error(&error, path))?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let interleaved = |channels: usize, values: Vec<f32>| {
        Array3::from_shape_vec((height, width, channels), values)
            .map(|yxc| Image::new(yxc.permuted_axes([2, 0, 1]), None))
            .map_err(|error| IoError::Picture {
                message: error.to_string(),
                path: path.to_owned(),
            })
    };
    match picture {
        DynamicImage::ImageLuma8(p) => interleaved(1, p.iter().map(|v| f32::from(*v)).collect()),
        DynamicImage::ImageLuma16(p) => interleaved(1, p.iter().map(|v| f32::from(*v)).collect()),
        DynamicImage::ImageRgb8(p) => interleaved(3, p.iter().map(|v| f32::from(*v)).collect()),
        DynamicImage::ImageRgb16(p) => interleaved(3, p.iter().map(|v| f32::from(*v)).collect()),
        other => Err(IoError::Unsupported {
            what: format!("a picture of colour type {:?}", other.color()),
            path: path.to_owned(),
        }),
    }
}

/// Writes pixels `(y, x, 3)` as an 8-bit RGB PNG.
///
/// # Errors
/// [`IoError::Picture`] when the last axis is not 3 long; [`IoError::System`].
pub fn write_png_rgb(path: &Path, pixels: ArrayView3<'_, u8>) -> Result<(), IoError> {
    let (height, width, _) = pixels.dim();
    let raw: Vec<u8> = pixels.iter().copied().collect();
    let picture = RgbImage::from_raw(width as u32, height as u32, raw)
        .filter(|_| pixels.dim().2 == 3)
        .ok_or_else(|| IoError::Picture {
            message: format!("expected pixels (y, x, 3), got {:?}", pixels.dim()),
            path: path.to_owned(),
        })?;
    let mut png = Cursor::new(Vec::new());
    picture
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|error| picture_error(&error, path))?;
    write_atomic(path, |file| file.write_all(png.get_ref()))
}

fn picture_error(error: &image::ImageError, path: &Path) -> IoError {
    IoError::Picture {
        message: error.to_string(),
        path: path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() - 12 {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(read_image(&path).is_err(), "{length} bytes were accepted");
        }
    }
}
