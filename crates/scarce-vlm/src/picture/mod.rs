//! What vision models are shown, and how it lies in their input.

mod frame;
mod normalize;
mod resize;

pub use frame::{Frame, PictureBox};
pub use normalize::Normalization;

use ndarray::{Array3, ArrayView2};
use thiserror::Error;

/// How pixels between others come about; antialiased where a picture shrinks, as Pillow does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Pillow's `BILINEAR`.
    Bilinear,
    /// Pillow's `BICUBIC`: a cubic with a = -1/2.
    Bicubic,
}

/// Why there is no picture.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum PictureError {
    /// A side has no pixel, or more than an image library counts.
    #[error("a picture of {height} x {width} pixels: expected sides of 1 to 4294967295")]
    Size {
        /// Pixels along y.
        height: usize,
        /// Pixels along x.
        width: usize,
    },
    /// There are not three channels.
    #[error("a picture of {channels} channels: expected 3, red, green and blue")]
    Channels {
        /// How many there are.
        channels: usize,
    },
    /// The grey values that become black and white are not two finite numbers in order.
    #[error("grey values from {black} to {white}: expected finite numbers, the first smaller")]
    Window {
        /// What is shown black.
        black: f32,
        /// What is shown white.
        white: f32,
    },
}

/// An 8-bit picture in red, green and blue, `(y, x, channel)`: what the field's vision models were trained on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    rgb: Array3<u8>,
}

impl Picture {
    /// A picture from its pixels, `(y, x, channel)`.
    ///
    /// # Errors
    /// [`PictureError`] for no pixels, or not three channels.
    pub fn new(rgb: Array3<u8>) -> Result<Self, PictureError> {
        let (height, width, channels) = rgb.dim();
        check_size([height, width])?;
        if channels != 3 {
            return Err(PictureError::Channels { channels });
        }
        Ok(Self {
            rgb: rgb.as_standard_layout().into_owned(),
        })
    }

    /// Grey values from `black` to `white`, spread over 0 to 255 and rounded; those beyond are clipped.
    ///
    /// # Errors
    /// [`PictureError`] for no pixels, or a window that is none.
    pub fn grey(
        values_yx: ArrayView2<'_, f32>,
        [black, white]: [f32; 2],
    ) -> Result<Self, PictureError> {
        let (height, width) = values_yx.dim();
        check_size([height, width])?;
        if !(black.is_finite() && white.is_finite() && black < white) {
            return Err(PictureError::Window { black, white });
        }
        let grey = |value: &f32| {
            let share = (value - black) / (white - black);
            // NaN becomes black.
            // Half a step up, and the cast cuts off: rounding itself is a call of the C library.
            (share.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
        };
        let mut rgb = vec![0; height * width * 3];
        for (pixel, value) in rgb.chunks_exact_mut(3).zip(values_yx) {
            pixel.fill(grey(value));
        }
        // Of this length by construction.
        let rgb = Array3::from_shape_vec((height, width, 3), rgb)
            .map_err(|_| PictureError::Size { height, width })?;
        Ok(Self { rgb })
    }

    /// The pixels, `(y, x, channel)`, C-order.
    pub fn rgb(&self) -> &Array3<u8> {
        &self.rgb
    }

    /// Pixels along y and x.
    pub fn size_yx(&self) -> [usize; 2] {
        let (height, width, _) = self.rgb.dim();
        [height, width]
    }

    /// The picture at another size, rounded to 8 bits as Pillow rounds.
    ///
    /// # Errors
    /// [`PictureError::Size`] for a size of 0.
    pub fn resized(&self, size_yx: [usize; 2], filter: Filter) -> Result<Self, PictureError> {
        check_size(size_yx)?;
        if size_yx == self.size_yx() {
            return Ok(self.clone());
        }
        Ok(Self {
            rgb: resize::resize(&self.rgb, size_yx, filter),
        })
    }
}

fn check_size([height, width]: [usize; 2]) -> Result<(), PictureError> {
    let fits = |side: usize| side > 0 && u32::try_from(side).is_ok();
    if fits(height) && fits(width) {
        Ok(())
    } else {
        Err(PictureError::Size { height, width })
    }
}
