//! Masks as arrays of booleans, and back.

use ndarray::{Array2, ArrayView2};

use super::{Rle, RleError, pixels_of};

/// The most pixels that are held one by one: a quarter of a GiB.
const MAX_PIXELS: u32 = 1 << 28;

impl Rle {
    /// From the pixels of an array `(y, x)`.
    ///
    /// # Errors
    /// [`RleError::TooLarge`].
    pub fn from_mask(mask: ArrayView2<'_, bool>) -> Result<Self, RleError> {
        let (height, width) = mask.dim();
        let size_yx = [height, width].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let total = pixels_of(size_yx)?;
        if total as usize != mask.len() {
            return Err(RleError::TooLarge { size_yx });
        }
        let mut inside = false;
        let mut toggles = Vec::new();
        // The transposed array's order is down the columns.
        for (pixel, value) in (0..total).zip(mask.t()) {
            if *value != inside {
                inside = *value;
                toggles.push(pixel);
            }
        }
        Ok(Self::from_toggles(size_yx, total, toggles.into_iter()))
    }

    /// The pixels as an array `(y, x)`, which lies in memory column by column.
    ///
    /// # Errors
    /// [`RleError::Pixels`] beyond 2²⁸ of them.
    pub fn to_mask(&self) -> Result<Array2<bool>, RleError> {
        let size_yx = self.size_yx;
        let [height, width] = size_yx.map(|n| n as usize);
        let too_many = RleError::Pixels {
            size_yx,
            limit: MAX_PIXELS,
        };
        let total = pixels_of(size_yx)?;
        if total > MAX_PIXELS {
            return Err(too_many);
        }
        let mut pixels = vec![false; total as usize];
        for [start, end] in self.runs() {
            pixels[*start as usize..*end as usize].fill(true);
        }
        let columns = Array2::from_shape_vec((width, height), pixels).map_err(|_| too_many)?;
        Ok(columns.reversed_axes())
    }
}
