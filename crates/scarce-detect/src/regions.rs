//! Regions of an image as features of a pre-trained encoder.

use scarce_mim::encoder::Encoder;
use tch::Tensor;

use crate::DetectError;
use crate::roi_align::RoiAlign;

/// Features of boxes `(n, 4)` in one image `(1, channel, y, x)`, pooled from the encoder's deepest
/// map to `(n, width, size, size)`.
///
/// # Errors
/// [`DetectError::Encoder`] for an image the encoder does not take, [`DetectError::Shape`].
pub fn pool_regions(
    encoder: &dyn Encoder,
    image: &Tensor,
    boxes: &Tensor,
    size: i64,
) -> Result<Tensor, DetectError> {
    let (batch, _, _, _) = image.size4()?;
    if batch != 1 {
        let got = image.size();
        return Err(DetectError::Shape {
            what: "image",
            expected: "(1, channel, y, x)",
            got,
        });
    }
    let maps = encoder.forward(image, None, false)?;
    let (Some(deepest), Some(shape)) = (maps.last(), encoder.maps().last()) else {
        return Err(DetectError::Shape {
            what: "encoder maps",
            expected: "at least one",
            got: vec![0],
        });
    };
    let align = RoiAlign {
        output_yx: [size, size],
        spatial_scale: 1.0 / shape.stride as f64,
        sampling_ratio: 2,
    };
    align.forward(&deepest.f_squeeze_dim(0)?, boxes)
}

#[cfg(test)]
mod tests {
    use scarce_mim::encoder::{EncoderConfig, build};
    use tch::nn::VarStore;
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn a_region_sees_what_is_in_it() {
        tch::manual_seed(0);
        let store = VarStore::new(Device::Cpu);
        let config = EncoderConfig {
            widths: Some([4, 4, 8, 8]),
            ..EncoderConfig::default()
        };
        let encoder = build(&store.root(), &config).unwrap();
        let image = Tensor::rand([1, 1, 64, 96], (Kind::Float, Device::Cpu));
        let boxes = Tensor::from_slice(&[0f32, 0., 32., 32., 48., 16., 96., 64.]).view([2, 4]);
        let pooled = pool_regions(encoder.as_ref(), &image, &boxes, 3).unwrap();
        assert_eq!(pooled.size(), [2, 8, 3, 3]);
        assert!(pooled.abs().sum(Kind::Float).double_value(&[]) > 0.0);
        let two = Tensor::cat(&[&image, &image], 0);
        assert!(pool_regions(encoder.as_ref(), &two, &boxes, 3).is_err());
    }
}
