//! A 2-D image.

use ndarray::Array3;

/// A 2-D image: pixels `(channel, y, x)`, always C-order, and the spacing where the file tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    pixels: Array3<f32>,
    spacing_mm_yx: Option<[f64; 2]>,
}

impl Image {
    /// An image from pixels `(channel, y, x)`.
    pub fn new(pixels: Array3<f32>, spacing_mm_yx: Option<[f64; 2]>) -> Self {
        let pixels = if pixels.is_standard_layout() {
            pixels
        } else {
            pixels.as_standard_layout().into_owned()
        };
        Self {
            pixels,
            spacing_mm_yx,
        }
    }

    /// The pixels, `(channel, y, x)`.
    pub fn pixels(&self) -> &Array3<f32> {
        &self.pixels
    }

    /// Distance between pixel centres along y and x in mm, where known.
    pub fn spacing_mm_yx(&self) -> Option<[f64; 2]> {
        self.spacing_mm_yx
    }
}
