//! Where an image lies in a network's input.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis};
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
        let along = [0, 1].map(|a| taps(self.image_yx[a], size[a]));
        let [height, width] = Self::canvas_yx(self.input_yx);
        let mut canvas = Array3::zeros((image.len_of(Axis(0)), height, width));
        for (plane, mut laid) in image.outer_iter().zip(canvas.outer_iter_mut()) {
            laid.assign(&self.laid(&weighed(plane, &along), 0.0));
        }
        canvas
    }

    /// Labels `(y, x)` on the image's canvas: those nearest, 0 around them.
    pub fn canvas_of_labels(&self, labels: ArrayView2<'_, u8>) -> Array2<u8> {
        let size = self.filled_yx.map(|n| n * OVERSAMPLING);
        let nearest = |k: usize, a: usize| {
            let at = (k as f64 + 0.5) * self.image_yx[a] as f64 / size[a] as f64;
            (at as usize).min(self.image_yx[a] - 1)
        };
        let near = Array2::from_shape_fn((size[0], size[1]), |(y, x)| {
            labels[[nearest(y, 0), nearest(x, 1)]]
        });
        self.laid(&near, 0)
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

    /// Pixels of the image along y and x.
    pub fn image_yx(&self) -> [usize; 2] {
        self.image_yx
    }

    fn laid<T: Copy>(&self, filled: &Array2<T>, outside: T) -> Array2<T> {
        let [height, width] = Self::canvas_yx(self.input_yx);
        let offset = [0, 1].map(|a| (self.input_yx[a] - self.filled_yx[a]) / 2 * OVERSAMPLING);
        Array2::from_shape_fn((height, width), |(y, x)| {
            let at = (y.wrapping_sub(offset[0]), x.wrapping_sub(offset[1]));
            filled.get(at).copied().unwrap_or(outside)
        })
    }
}

/// What makes one sample of another resolution: the first sample and the weights from it on.
struct Tap {
    first: usize,
    weights: Vec<f32>,
}

/// A triangle as wide as a sample of the coarser of both resolutions: Pillow's `BILINEAR`.
fn taps(from: usize, to: usize) -> Vec<Tap> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    (0..to)
        .map(|k| {
            let centre = (k as f64 + 0.5) * scale;
            let first = (centre - reach).floor().max(0.0) as usize;
            let last = ((centre + reach).ceil() as usize).min(from);
            let weights: Vec<f64> = (first..last)
                .map(|j| (1.0 - (j as f64 + 0.5 - centre).abs() / reach).max(0.0))
                .collect();
            let sum: f64 = weights.iter().sum();
            let weights = weights.iter().map(|w| (w / sum) as f32).collect();
            Tap { first, weights }
        })
        .collect()
}

fn weighed(plane: ArrayView2<'_, f32>, along: &[Vec<Tap>; 2]) -> Array2<f32> {
    let sum = |tap: &Tap, value: &dyn Fn(usize) -> f32| {
        let terms = tap.weights.iter().enumerate();
        terms.map(|(k, w)| w * value(tap.first + k)).sum::<f32>()
    };
    let (rows, wide) = (plane.nrows(), &along[1]);
    let narrow = Array2::from_shape_fn((rows, wide.len()), |(y, x)| {
        sum(&wide[x], &|at| plane[[y, at]])
    });
    Array2::from_shape_fn((along[0].len(), wide.len()), |(y, x)| {
        sum(&along[0][y], &|at| narrow[[at, x]])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// import numpy as np
    /// from PIL import Image
    /// x = (np.arange(35).reshape(5, 7) % 11).astype(np.float32)
    /// np.asarray(Image.fromarray(x, mode="F").resize((4, 4), Image.BILINEAR)).round(4)
    /// ```
    #[test]
    fn a_canvas_is_resized_as_pillow_resizes() {
        let image = Array3::from_shape_fn((1, 5, 7), |(_, y, x)| ((7 * y + x) % 11) as f32);
        let frame = Frame::new([5, 7], [2, 2], Fit::Squash).unwrap();
        let canvas = frame.canvas(image.view());
        assert_eq!(canvas.dim(), (1, 4, 4));
        for (got, expected) in canvas.iter().zip(PILLOW) {
            assert!((got - expected).abs() < 1e-4, "{got} {expected}");
        }
    }

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
        assert!(Frame::new([0, 3], [8, 8], Fit::Pad).is_err());
    }

    const PILLOW: [f32; 16] = [
        2.2738, 3.83, 3.69, 4.4762, 5.8571, 7.4133, 4.6333, 4.3929, 4.5516, 2.7467, 4.5867, 6.1429,
        6.2143, 6.33, 6.52, 1.869,
    ];
}
