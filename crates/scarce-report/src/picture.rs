//! RGB pictures of slices, with what was found drawn on them.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};
use ndarray::{Array3, ArrayView2, Axis, Slice};

use crate::ReportError;

/// An RGB picture, `(y, x, 3)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pixels: Array3<u8>,
}

/// Anchors of a dark-to-light ramp of rising lightness for heat.
const HEAT: [[f32; 3]; 5] = [
    [13., 8., 60.],
    [110., 20., 110.],
    [205., 65., 75.],
    [248., 150., 40.],
    [252., 245., 165.],
];

impl Picture {
    /// The colour of a region's outline.
    pub const REGION: [u8; 3] = [255, 176, 0];
    /// The colour of a prediction's outline.
    pub const PREDICTION: [u8; 3] = [40, 200, 255];
    /// The colour of a reference's outline.
    pub const REFERENCE: [u8; 3] = [255, 95, 130];

    /// Intensities in 0 to 1, `(y, x)`, clipped.
    pub fn grey(intensities: ArrayView2<'_, f32>) -> Self {
        let (height, width) = intensities.dim();
        let grey = |v: f32| (v.clamp(0.0, 1.0) * 255.0).round() as u8;
        let pixels =
            Array3::from_shape_fn((height, width, 3), |(y, x, _)| grey(intensities[[y, x]]));
        Self { pixels }
    }

    /// Pixels `(y, x, 3)`.
    pub fn pixels(&self) -> &Array3<u8> {
        &self.pixels
    }

    /// Each pixel as `factor` × `factor`.
    #[must_use]
    pub fn upscaled(&self, factor: usize) -> Self {
        let (height, width, _) = self.pixels.dim();
        let factor = factor.max(1);
        let pixels = Array3::from_shape_fn((height * factor, width * factor, 3), |(y, x, c)| {
            self.pixels[[y / factor, x / factor, c]]
        });
        Self { pixels }
    }

    /// Heat in 0 to 1 laid over it, stronger where hotter. `heat` has the picture's shape or one
    /// that divides it; where it is NaN nothing is laid.
    #[must_use]
    pub fn with_heat(mut self, heat: ArrayView2<'_, f32>, strength: f32) -> Self {
        self.blend(|y, x, shape| {
            let value = cell(heat, y, x, shape).filter(|v| !v.is_nan())?;
            Some((
                ramp(value.clamp(0.0, 1.0)),
                strength * value.clamp(0.0, 1.0).sqrt(),
            ))
        });
        self
    }

    /// A mask tinted; shapes as for [`Self::with_heat`].
    #[must_use]
    pub fn with_mask_tint(
        mut self,
        mask: ArrayView2<'_, bool>,
        colour: [u8; 3],
        strength: f32,
    ) -> Self {
        self.blend(|y, x, shape| {
            cell(mask, y, x, shape)
                .unwrap_or(false)
                .then(|| (colour.map(f32::from), strength))
        });
        self
    }

    /// A mask's outline; shapes as for [`Self::with_heat`].
    #[must_use]
    pub fn with_mask_outline(mut self, mask: ArrayView2<'_, bool>, colour: [u8; 3]) -> Self {
        let inside = |y: Option<usize>, x: Option<usize>, shape| {
            y.zip(x)
                .and_then(|(y, x)| cell(mask, y, x, shape))
                .unwrap_or(false)
        };
        self.blend(|y, x, shape| {
            let here = inside(Some(y), Some(x), shape);
            let edge = [
                (y.checked_sub(1), Some(x)),
                (Some(y + 1), Some(x)),
                (Some(y), x.checked_sub(1)),
                (Some(y), Some(x + 1)),
            ]
            .into_iter()
            .any(|(y, x)| !inside(y, x, shape));
            (here && edge).then(|| (colour.map(f32::from), 1.0))
        });
        self
    }

    /// Hidden patches as flat blocks: `cells` is the patch grid, `(row, column)`.
    #[must_use]
    pub fn with_hidden_cells(mut self, cells: ArrayView2<'_, bool>) -> Self {
        let (rows, columns) = cells.dim();
        if cells.is_empty() {
            return self;
        }
        self.blend(|y, x, (height, width)| {
            let (row, column) = (y * rows / height, x * columns / width);
            let border = y == row * height / rows || x == column * width / columns;
            let shade = if border { 70.0 } else { 96.0 };
            cells[[row, column]].then_some(([shade; 3], 1.0))
        });
        self
    }

    /// Pictures side by side, aligned at the top, with a light gap.
    pub fn row(pictures: &[Self]) -> Self {
        const GAP: usize = 6;
        let height = pictures
            .iter()
            .map(|p| p.pixels.len_of(Axis(0)))
            .max()
            .unwrap_or(0);
        let widths = pictures.iter().map(|p| p.pixels.len_of(Axis(1)));
        let width = widths.sum::<usize>() + GAP * pictures.len().saturating_sub(1);
        let mut pixels = Array3::from_elem((height, width, 3), 235);
        let mut left = 0;
        for picture in pictures {
            let (h, w, _) = picture.pixels.dim();
            pixels
                .slice_each_axis_mut(|axis| match axis.axis.index() {
                    0 => Slice::from(0..h),
                    1 => Slice::from(left..left + w),
                    _ => Slice::from(..),
                })
                .assign(&picture.pixels);
            left += w + GAP;
        }
        Self { pixels }
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// [`ReportError::Picture`] for a picture without pixels.
    pub fn to_png(&self) -> Result<Vec<u8>, ReportError> {
        let (height, width, _) = self.pixels.dim();
        let raw: Vec<u8> = self.pixels.iter().copied().collect();
        let image = RgbImage::from_raw(width as u32, height as u32, raw).ok_or_else(|| {
            ReportError::Picture {
                message: "it has no pixels".to_owned(),
            }
        })?;
        let mut png = Cursor::new(Vec::new());
        image
            .write_to(&mut png, ImageFormat::Png)
            .map_err(|error| ReportError::Picture {
                message: error.to_string(),
            })?;
        Ok(png.into_inner())
    }

    /// Mixes a colour into each pixel that `paint(y, x, (height, width))` gives one for.
    fn blend(&mut self, paint: impl Fn(usize, usize, (usize, usize)) -> Option<([f32; 3], f32)>) {
        let (height, width, _) = self.pixels.dim();
        for y in 0..height {
            for x in 0..width {
                if let Some((colour, strength)) = paint(y, x, (height, width)) {
                    for (c, colour) in colour.iter().enumerate() {
                        let old = f32::from(self.pixels[[y, x, c]]);
                        self.pixels[[y, x, c]] = (old + (colour - old) * strength).round() as u8;
                    }
                }
            }
        }
    }
}

/// The element of a coarser array under pixel (y, x); none beyond the picture or in an empty array.
fn cell<T: Copy>(
    array: ArrayView2<'_, T>,
    y: usize,
    x: usize,
    (height, width): (usize, usize),
) -> Option<T> {
    let (rows, columns) = array.dim();
    if y >= height || x >= width {
        return None;
    }
    array.get([y * rows / height, x * columns / width]).copied()
}

fn ramp(value: f32) -> [f32; 3] {
    let at = value * (HEAT.len() - 1) as f32;
    let low = (at.floor() as usize).min(HEAT.len() - 2);
    let part = at - low as f32;
    [0, 1, 2].map(|c| HEAT[low][c] + (HEAT[low + 1][c] - HEAT[low][c]) * part)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn black() -> Picture {
        Picture::grey(Array2::zeros((8, 8)).view())
    }

    fn painted(picture: &Picture) -> Vec<[usize; 2]> {
        let pixels = picture.pixels().outer_iter().enumerate();
        pixels
            .flat_map(|(y, row)| {
                let row: Vec<bool> = row.outer_iter().map(|p| p.iter().any(|v| *v > 0)).collect();
                row.into_iter()
                    .enumerate()
                    .filter_map(move |(x, set)| set.then_some([y, x]))
            })
            .collect()
    }

    #[test]
    fn an_outline_is_the_edge_of_the_mask() {
        let mask =
            Array2::from_shape_fn((8, 8), |(y, x)| (2..5).contains(&y) && (2..5).contains(&x));
        let outline = painted(&black().with_mask_outline(mask.view(), Picture::REGION));
        assert_eq!(outline.len(), 8);
        assert!(!outline.contains(&[3, 3]));
        let tint = painted(&black().with_mask_tint(mask.view(), Picture::REGION, 0.5));
        assert_eq!(tint.len(), 9);
    }

    #[test]
    fn coarse_cells_cover_their_pixels() {
        let mut cells = Array2::from_elem((2, 2), false);
        cells[[1, 0]] = true;
        let hidden = painted(&black().with_hidden_cells(cells.view()));
        assert_eq!(hidden.len(), 16);
        assert!(hidden.iter().all(|[y, x]| *y >= 4 && *x < 4));
        let hot = black().with_heat(Array2::from_elem((2, 2), 1.0).view(), 1.0);
        assert_eq!(hot.pixels()[[0, 0, 0]], 252);
    }

    #[test]
    fn rows_and_enlargements_have_their_sizes() {
        let row = Picture::row(&[black(), black().upscaled(2)]);
        assert_eq!(row.pixels().dim(), (16, 8 + 6 + 16, 3));
        assert!(row.to_png().unwrap().starts_with(b"\x89PNG"));
    }
}
