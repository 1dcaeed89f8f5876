//! Where an image lies in a network's input.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis};
use scarce_train::image::{PlaneWindow, resize_plane, resize_plane_nearest};
use serde::{Deserialize, Serialize};

use crate::MimError;

/// How an image of any shape comes into an input of one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Its sides are scaled apart: nothing is cut off or empty (MWM's `Resize`, MedSAM).
    #[default]
    Squash,
    /// Its longer side fills the input, and it lies in the middle with black around it: shapes stay as they are.
    Pad,
}

/// Samples a canvas has along each side for one of the input.
const OVERSAMPLING: usize = 2;

/// An image of `image_yx` pixels in an input of `input_yx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    clippy::struct_field_names,
    reason = "the suffix tells the order of axes"
)]
pub struct Frame {
    image_yx: [usize; 2],
    input_yx: [usize; 2],
    /// Pixels of the input that the image fills.
    filled_yx: [usize; 2],
}

impl Frame {
    /// The frame of an image.
    ///
    /// # Errors
    /// [`MimError::Data`] for an image or an input without pixels.
    pub fn new(image_yx: [usize; 2], input_yx: [usize; 2], fit: Fit) -> Result<Self, MimError> {
        if image_yx.contains(&0) || input_yx.contains(&0) {
            let message = format!(
                "an image of {image_yx:?} pixels in an input of {input_yx:?}, expected some"
            );
            return Err(MimError::Data { message });
        }
        let filled_yx = match fit {
            Fit::Squash => input_yx,
            Fit::Pad => {
                let scale = |a: usize| input_yx[a] as f64 / image_yx[a] as f64;
                let least = scale(0).min(scale(1));
                [0, 1].map(|a| {
                    let side = (image_yx[a] as f64 * least).round() as usize;
                    side.clamp(1, input_yx[a])
                })
            }
        };
        Ok(Self {
            image_yx,
            input_yx,
            filled_yx,
        })
    }

    /// Pixels along y and x of the canvas that a network's input is drawn from: twice as fine as it, so that
    /// a crop still has detail and images of any size cost the same.
    pub fn canvas_yx(input_yx: [usize; 2]) -> [usize; 2] {
        input_yx.map(|n| n * OVERSAMPLING)
    }

    /// The image `(channel, y, x)` on its canvas: antialiased where it shrinks, bilinear where it grows,
    /// 0 around it.
    pub fn canvas(&self, image: ArrayView3<'_, f32>) -> Array3<f32> {
        let size = self.filled_yx.map(|n| n * OVERSAMPLING);
        let filled = resize_plane(image, PlaneWindow::whole(self.image_yx), size);
        let [height, width] = Self::canvas_yx(self.input_yx);
        let mut canvas = Array3::zeros((image.len_of(Axis(0)), height, width));
        for (plane, mut laid) in filled.outer_iter().zip(canvas.outer_iter_mut()) {
            laid.assign(&self.laid(plane, 0.0));
        }
        canvas
    }

    /// Labels `(y, x)` on the image's canvas: those nearest, 0 around them.
    pub fn canvas_of_labels(&self, labels: ArrayView2<'_, u8>) -> Array2<u8> {
        let size = self.filled_yx.map(|n| n * OVERSAMPLING);
        let whole = PlaneWindow::whole(self.image_yx);
        self.laid(resize_plane_nearest(labels, whole, size, 0).view(), 0)
    }

    /// A map over the input as one over the image: bilinear, as PyTorch's `interpolate` with `align_corners=False`.
    pub fn to_image(&self, map: ArrayView2<'_, f32>) -> Array2<f32> {
        let along = [0, 1].map(|a| {
            let offset = (self.input_yx[a] - self.filled_yx[a]) / 2;
            let last = self.input_yx[a] - 1;
            (0..self.image_yx[a])
                .map(|k| {
                    let share = (k as f64 + 0.5) / self.image_yx[a] as f64;
                    let at = share * self.filled_yx[a] as f64 + offset as f64 - 0.5;
                    let at = at.clamp(0.0, last as f64);
                    let low = at as usize;
                    (low, (low + 1).min(last), (at - low as f64) as f32)
                })
                .collect::<Vec<_>>()
        });
        Array2::from_shape_fn((self.image_yx[0], self.image_yx[1]), |(y, x)| {
            let ((y0, y1, fy), (x0, x1, fx)) = (along[0][y], along[1][x]);
            let row = |r: usize| map[[r, x0]] * (1.0 - fx) + map[[r, x1]] * fx;
            row(y0) * (1.0 - fy) + row(y1) * fy
        })
    }

    /// A point of the input as one of the image, y and x; borders of pixels are whole numbers.
    pub fn point_to_image(&self, yx: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|a| {
            let offset = (self.input_yx[a] - self.filled_yx[a]) / 2;
            (yx[a] - offset as f64) / self.filled_yx[a] as f64 * self.image_yx[a] as f64
        })
    }

    /// Pixels of the image along y and x.
    pub fn image_yx(&self) -> [usize; 2] {
        self.image_yx
    }

    fn laid<T: Copy>(&self, filled: ArrayView2<'_, T>, outside: T) -> Array2<T> {
        let [height, width] = Self::canvas_yx(self.input_yx);
        let offset = [0, 1].map(|a| (self.input_yx[a] - self.filled_yx[a]) / 2 * OVERSAMPLING);
        Array2::from_shape_fn((height, width), |(y, x)| {
            let at = (y.wrapping_sub(offset[0]), x.wrapping_sub(offset[1]));
            filled.get(at).copied().unwrap_or(outside)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_padded_image_lies_in_the_middle_and_comes_back() {
        let image = Array3::from_elem((1, 10, 20), 1.0f32);
        let frame = Frame::new([10, 20], [8, 8], Fit::Pad).unwrap();
        let canvas = frame.canvas(image.view());
        let column: Vec<f32> = canvas.index_axis(Axis(0), 0).column(3).to_vec();
        let filled: Vec<usize> = (0..16).filter(|y| column[*y] > 0.0).collect();
        assert_eq!(filled, (4..12).collect::<Vec<_>>());
        let labels = Array2::from_shape_fn((10, 20), |(y, _)| u8::from(y >= 5));
        let labels = frame.canvas_of_labels(labels.view());
        assert_eq!((labels[[7, 0]], labels[[8, 0]], labels[[12, 0]]), (0, 1, 0));
        // A ramp over the input's filled rows is a ramp over the image's.
        let ramp = Array2::from_shape_fn((8, 8), |(y, _)| y as f32);
        let back = frame.to_image(ramp.view());
        assert_eq!(back.dim(), (10, 20));
        for y in 0..10 {
            let expected = (y as f32 + 0.5) * 0.4 + 1.5;
            assert!((back[[y, 7]] - expected).abs() < 1e-5, "{y}");
        }
        assert_eq!(frame.point_to_image([2.0, 0.0]), [0.0, 0.0]);
        assert_eq!(frame.point_to_image([4.5, 8.0]), [6.25, 20.0]);
        assert!(Frame::new([0, 3], [8, 8], Fit::Pad).is_err());
    }
}
