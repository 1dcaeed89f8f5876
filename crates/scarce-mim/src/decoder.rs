//! The light decoder: doubles the resolution until pixels are reached.

use tch::Tensor;
use tch::nn::{self, BatchNorm, Conv2D, ConvTranspose2D, Init, Path};

use scarce_train::pytorch_init::batch_norm;

/// U-Net blocks with added skips, then a 1×1 convolution to pixels (SparK's `LightDecoder`).
#[derive(Debug)]
pub struct LightDecoder {
    blocks: Vec<Block>,
    pixels: Conv2D,
}

#[derive(Debug)]
struct Block {
    up: ConvTranspose2D,
    conv1: Conv2D,
    bn1: BatchNorm,
    conv2: Conv2D,
    bn2: BatchNorm,
}

impl LightDecoder {
    /// `levels` doublings from `width` channels, each halving them, to `out_channels`.
    pub fn new(path: &Path<'_>, width: i64, levels: usize, out_channels: i64) -> Self {
        let blocks = (0..levels)
            .map(|k| Block::new(&(path / "dec" / k), width >> k))
            .collect();
        let last = width >> levels;
        Self {
            blocks,
            pixels: convolution(&(path / "proj"), last, out_channels, 1, true),
        }
    }

    /// Pixels of dense maps, deepest first; a map is added before the block of its resolution.
    pub fn forward(&self, maps: &[Tensor], train: bool) -> Option<Tensor> {
        let mut x: Option<Tensor> = None;
        for (k, block) in self.blocks.iter().enumerate() {
            x = match (x, maps.get(k)) {
                (Some(x), Some(map)) => Some(x + map),
                (x, map) => x.or_else(|| map.map(Tensor::shallow_clone)),
            };
            x = x.map(|x| block.forward(&x, train));
        }
        x.map(|x| x.apply(&self.pixels))
    }
}

impl Block {
    fn new(path: &Path<'_>, width: i64) -> Self {
        let up = nn::ConvTransposeConfig {
            stride: 2,
            padding: 1,
            ..Default::default()
        };
        let conv = path / "conv";
        Self {
            up: nn::conv_transpose2d(path / "up_sample", width, width, 4, up),
            conv1: convolution(&(&conv / 0), width, width, 3, false),
            bn1: nn::batch_norm2d(&conv / 1, width, batch_norm()),
            conv2: convolution(&(&conv / 3), width, width / 2, 3, false),
            bn2: nn::batch_norm2d(&conv / 4, width / 2, batch_norm()),
        }
    }

    fn forward(&self, input: &Tensor, train: bool) -> Tensor {
        let x = input
            .apply(&self.up)
            .apply(&self.conv1)
            .apply_t(&self.bn1, train);
        x.clamp(0.0, 6.0)
            .apply(&self.conv2)
            .apply_t(&self.bn2, train)
    }
}

fn convolution(path: &Path<'_>, from: i64, to: i64, kernel: i64, bias: bool) -> Conv2D {
    let ws_init = Init::Randn {
        mean: 0.0,
        stdev: 0.02,
    };
    let config = nn::ConvConfig {
        padding: kernel / 2,
        bias,
        ws_init,
        bs_init: Init::Const(0.0),
        ..Default::default()
    };
    nn::conv2d(path, from, to, kernel, config)
}

#[cfg(test)]
mod tests {
    use tch::nn::VarStore;
    use tch::{Device, Kind};

    use super::*;
    use crate::densify::Densify;

    fn count(store: &VarStore) -> usize {
        store.trainable_variables().iter().map(Tensor::numel).sum()
    }

    /// SparK's own counts for ResNet-50 and a decoder 768 wide.
    #[test]
    fn has_sparks_number_of_parameters() {
        let store = VarStore::new(Device::Cpu);
        LightDecoder::new(&store.root(), 768, 5, 3);
        assert_eq!(count(&store), 23_183_115);
        let store = VarStore::new(Device::Cpu);
        Densify::new(&store.root(), &[256, 512, 1024, 2048], 768);
        assert_eq!(count(&store), 6_230_688);
    }

    #[test]
    fn reaches_the_pixels() {
        let store = VarStore::new(Device::Cpu);
        let decoder = LightDecoder::new(&store.root(), 32, 4, 1);
        let maps: Vec<Tensor> = [(32, 2), (16, 4), (8, 8), (4, 16)]
            .map(|(c, n)| Tensor::zeros([1, c, n, n], (Kind::Float, Device::Cpu)))
            .into();
        assert_eq!(
            decoder.forward(&maps, false).unwrap().size(),
            [1, 1, 32, 32]
        );
        assert!(decoder.forward(&[], false).is_none());
    }
}
