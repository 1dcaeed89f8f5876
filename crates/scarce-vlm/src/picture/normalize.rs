//! From 8-bit pixels to a network's numbers.

use ndarray::{Array4, Axis};

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
        let [height, width] = picture.size_yx();
        let pixels = picture.rgb().as_slice().unwrap_or_default();
        let mut batch = Array4::zeros((1, 3, height, width));
        for (channel, mut plane) in batch
            .index_axis_mut(Axis(0), 0)
            .outer_iter_mut()
            .enumerate()
        {
            // Of 256 values each is computed once.
            let values: [f32; 256] = std::array::from_fn(|value| {
                (value as f32 / 255.0 - self.mean[channel]) / self.std[channel]
            });
            let of_channel = pixels.iter().skip(channel).step_by(3);
            for (number, pixel) in plane.iter_mut().zip(of_channel) {
                *number = values[usize::from(*pixel)];
            }
        }
        batch
    }
}
