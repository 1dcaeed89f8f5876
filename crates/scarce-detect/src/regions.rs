//! Regions of an image as features of a pre-trained encoder.

use scarce_mim::encoder::SparseEncoder;
use scarce_mim::sparse::Active;
use tch::{Kind, Tensor};

use crate::DetectError;
use crate::roi_align::RoiAlign;

/// Features of boxes `(n, 4)` in one image `(1, channel, y, x)`, pooled from the encoder's deepest
/// map to `(n, width, size, size)`. All of the image is visible; its sides are multiples of 16.
///
/// # Errors
/// [`DetectError::Encoder`] for an image the encoder does not take, [`DetectError::Shape`].
pub fn pool_regions(
    encoder: &SparseEncoder,
    image: &Tensor,
    boxes: &Tensor,
    size: i64,
) -> Result<Tensor, DetectError> {
    let (batch, _, height, width) = image.size4()?;
    if batch != 1 {
        let got = image.size();
        return Err(DetectError::Shape {
            what: "image",
            expected: "(1, channel, y, x)",
            got,
        });
    }
    let stride = SparseEncoder::STRIDE as i64;
    let visible = Tensor::ones(
        [1, 1, height / stride, width / stride],
        (Kind::Float, image.device()),
    );
    let maps = encoder.forward(image, &Active::new(&visible), false)?;
    let deepest = maps.last().ok_or(DetectError::Shape {
        what: "encoder maps",
        expected: "at least one",
        got: vec![0],
    })?;
    let align = RoiAlign {
        output_yx: [size, size],
        spatial_scale: 1.0 / stride as f64,
        sampling_ratio: 2,
    };
    align.forward(&deepest.f_squeeze_dim(0)?, boxes)
}

#[cfg(test)]
mod tests {
    use scarce_mim::encoder::EncoderConfig;
    use tch::Device;
    use tch::nn::VarStore;

    use super::*;

    #[test]
    fn a_region_sees_what_is_in_it() {
        tch::manual_seed(0);
        let store = VarStore::new(Device::Cpu);
        let config = EncoderConfig {
            widths: [4, 4, 8, 8],
            ..EncoderConfig::default()
        };
        let encoder = SparseEncoder::new(&store.root(), &config);
        let image = Tensor::rand([1, 1, 64, 96], (Kind::Float, Device::Cpu));
        let boxes = Tensor::from_slice(&[0f32, 0., 32., 32., 48., 16., 96., 64.]).view([2, 4]);
        let pooled = pool_regions(&encoder, &image, &boxes, 3).unwrap();
        assert_eq!(pooled.size(), [2, 8, 3, 3]);
        assert!(pooled.abs().sum(Kind::Float).double_value(&[]) > 0.0);
        let two = Tensor::cat(&[&image, &image], 0);
        assert!(pool_regions(&encoder, &two, &boxes, 3).is_err());
    }
}
