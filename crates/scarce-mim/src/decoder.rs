//! The light decoder: doubles the resolution until pixels are reached.

use tch::Tensor;
use tch::nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use tch::nn::{Init, Path};

use crate::MimError;
use crate::sparse::{BatchNorm, Convolution, Geometry};

/// U-Net blocks with added skips, then a 1-wide convolution to pixels (SparK's `LightDecoder`). Everything is visible
/// to it.
#[derive(Debug)]
pub struct LightDecoder {
    blocks: Vec<Block>,
    pixels: Convolution,
}

#[derive(Debug)]
struct Block {
    up: Doubling,
    conv1: Convolution,
    bn1: BatchNorm,
    conv2: Convolution,
    bn2: BatchNorm,
}

/// A transposed convolution of kernel 4 that doubles the resolution.
#[derive(Debug)]
struct Doubling {
    weight: Tensor,
    bias: Tensor,
}

/// Truncated at ±2, a hundred deviations out.
const NORMAL: Init = Init::Randn {
    mean: 0.0,
    stdev: 0.02,
};

impl LightDecoder {
    /// `levels` doublings from `width` channels, each halving them, to `out_channels`, of maps with `dimensions` sides.
    pub fn new(
        path: &Path<'_>,
        dimensions: usize,
        width: i64,
        levels: usize,
        out_channels: i64,
    ) -> Self {
        let blocks = (0..levels)
            .map(|k| Block::new(&(path / "dec" / k), dimensions, width >> k))
            .collect();
        let channels = [width >> levels, out_channels];
        let geometry = Geometry::centred(dimensions, 1, 1);
        let bias = Some(Init::Const(0.0));
        Self {
            blocks,
            pixels: Convolution::new(&(path / "proj"), channels, geometry, NORMAL, bias),
        }
    }

    /// Pixels of dense maps, deepest first; a map is added before the block of its resolution.
    ///
    /// # Errors
    /// [`MimError::Shape`] without a map; [`MimError::Torch`] for maps that do not fit each other.
    pub fn forward(&self, maps: &[Tensor], train: bool) -> Result<Tensor, MimError> {
        let deepest = maps.first().ok_or(MimError::Shape {
            what: "maps to decode",
            expected: "at least one".to_owned(),
            got: vec![0],
        })?;
        let mut x = deepest.shallow_clone();
        for (k, block) in self.blocks.iter().enumerate() {
            if let Some(map) = maps.get(k).filter(|_| k > 0) {
                x = x.f_add(map)?;
            }
            x = block.forward(&x, train)?;
        }
        self.pixels.over(&x)
    }
}

impl Block {
    fn new(path: &Path<'_>, dimensions: usize, width: i64) -> Self {
        let conv = path / "conv";
        let wide = |name: &str, to: i64| {
            let geometry = Geometry::centred(dimensions, 3, 1);
            Convolution::new(&(&conv / name), [width, to], geometry, NORMAL, None)
        };
        Self {
            up: Doubling::new(&(path / "up_sample"), dimensions, width),
            conv1: wide("0", width),
            bn1: BatchNorm::new(&(&conv / 1), width, 1.0),
            conv2: wide("3", width / 2),
            bn2: BatchNorm::new(&(&conv / 4), width / 2, 1.0),
        }
    }

    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, MimError> {
        let x = self.conv1.over(&self.up.forward(input)?)?;
        let x = self.bn1.dense(&x, train)?.f_clamp_(0.0, 6.0)?;
        Ok(self.bn2.dense(&self.conv2.over(&x)?, train)?)
    }
}

impl Doubling {
    fn new(path: &Path<'_>, dimensions: usize, width: i64) -> Self {
        let mut shape = vec![width, width];
        shape.resize(2 + dimensions, 4);
        let kaiming = Init::Kaiming {
            dist: NormalOrUniform::Normal,
            fan: FanInOut::FanOut,
            non_linearity: NonLinearity::ReLU,
        };
        Self {
            weight: path.var("weight", &shape, kaiming),
            bias: path.zeros("bias", &[width]),
        }
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor, MimError> {
        let each = |n: i64| vec![n; input.dim() - 2];
        let (stride, padding, beyond, dilation) = (each(2), each(1), each(0), each(1));
        let (weight, bias) = (&self.weight, Some(&self.bias));
        // By dimensions: autocast passes the general form over.
        Ok(match input.dim() {
            5 => input.f_conv_transpose3d(weight, bias, stride, padding, beyond, 1, dilation)?,
            _ => input.f_conv_transpose2d(weight, bias, stride, padding, beyond, 1, dilation)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use tch::nn::VarStore;
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn reaches_the_pixels() {
        let store = VarStore::new(Device::Cpu);
        let decoder = LightDecoder::new(&store.root(), 2, 32, 4, 1);
        let maps: Vec<Tensor> = [(32, 2), (16, 4), (8, 8), (4, 16)]
            .map(|(c, n)| Tensor::zeros([1, c, n, n], (Kind::Float, Device::Cpu)))
            .into();
        assert_eq!(
            decoder.forward(&maps, false).unwrap().size(),
            [1, 1, 32, 32]
        );
        assert!(decoder.forward(&[], false).is_err());
    }
}
