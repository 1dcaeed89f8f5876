//! From 8-bit pixels to a network's numbers.

use ndarray::Array4;
use rayon::prelude::*;

use super::Picture;

/// `(pixel / 255 - mean) / std`, channel by channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalization {
    /// Of red, green and blue, on the scale 0 to 1.
    pub mean: [f32; 3],
    /// The same.
    pub std: [f32; 3],
}

impl Normalization {
    /// OpenAI's CLIP, and BiomedCLIP.
    pub const CLIP: Self = Self {
        mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
        std: [0.268_629_54, 0.261_302_6, 0.275_777_1],
    };

    /// ImageNet's; CLIPSeg and Grounding DINO.
    pub const IMAGENET: Self = Self {
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
    };

    /// A batch of one, `(1, channel, y, x)`.
    pub fn apply(&self, picture: &Picture) -> Array4<f32> {
        picture.batch(picture.size_yx(), |value, channel| {
            (f32::from(value) / 255.0 - self.mean[channel]) / self.std[channel]
        })
    }
}

impl Picture {
    /// A batch of one, `(1, channel, y, x)`, with `number` of each channel's values; where the input is larger than the
    /// picture, 0 at the right and at the bottom.
    pub(crate) fn batch(
        &self,
        input_yx: [usize; 2],
        number: impl Fn(u8, usize) -> f32,
    ) -> Array4<f32> {
        let [height, width] = input_yx;
        let columns = self.size_yx()[1];
        // A picture keeps its pixels in C-order.
        let pixels = self.rgb().as_slice().unwrap_or_default();
        let mut numbers = vec![0.0; 3 * height * width];
        for (channel, plane) in numbers.chunks_exact_mut(height * width).enumerate() {
            // Of 256 values each is computed once.
            let of_value: [f32; 256] = std::array::from_fn(|value| number(value as u8, channel));
            plane
                .par_chunks_exact_mut(width)
                .zip(pixels.par_chunks_exact(3 * columns))
                .for_each(|(numbers, row)| {
                    for (number, pixel) in numbers.iter_mut().zip(row.chunks_exact(3)) {
                        *number = of_value[usize::from(pixel[channel])];
                    }
                });
        }
        // Of this length by construction.
        Array4::from_shape_vec((1, 3, height, width), numbers).unwrap_or_default()
    }
}
