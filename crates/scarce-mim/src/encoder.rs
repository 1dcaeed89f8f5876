//! A small sparse residual encoder with timm's parameter names.

use serde::{Deserialize, Serialize};
use tch::Tensor;
use tch::nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use tch::nn::{self, Conv2D, Init, Path};

use crate::MimError;
use crate::sparse::{Active, SparseBatchNorm, convolve};

/// The encoder's size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EncoderConfig {
    /// Channels of the input.
    pub in_channels: i64,
    /// Channels of each of the four stages.
    pub widths: [i64; 4],
    /// Residual blocks of each stage.
    pub blocks: [usize; 4],
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self {
            in_channels: 1,
            widths: [16, 32, 64, 128],
            blocks: [1, 1, 1, 1],
        }
    }
}

/// A stem of stride 2 and four stages of residual blocks, the last three halving the resolution: maps
/// at strides 2, 4, 8 and 16.
#[derive(Debug)]
pub struct SparseEncoder {
    conv1: Conv2D,
    bn1: SparseBatchNorm,
    stages: Vec<Vec<BasicBlock>>,
}

#[derive(Debug)]
struct BasicBlock {
    conv1: Conv2D,
    bn1: SparseBatchNorm,
    conv2: Conv2D,
    bn2: SparseBatchNorm,
    downsample: Option<(Conv2D, SparseBatchNorm)>,
}

impl SparseEncoder {
    /// Pixels a side of the deepest map's cells, and so of a patch.
    pub const STRIDE: usize = 16;

    /// An encoder initialised as timm's residual networks: Kaiming by fan-out, the last norm of each
    /// block 0.
    pub fn new(path: &Path<'_>, config: &EncoderConfig) -> Self {
        let mut from = config.widths[0];
        let stages = (0..4)
            .map(|stage| {
                let width = config.widths[stage];
                (0..config.blocks[stage])
                    .map(|k| {
                        let path = path / format!("layer{}", stage + 1) / k;
                        let stride = if stage > 0 && k == 0 { 2 } else { 1 };
                        let block = BasicBlock::new(&path, from, width, stride);
                        from = width;
                        block
                    })
                    .collect()
            })
            .collect();
        Self {
            conv1: convolution(
                &(path / "conv1"),
                config.in_channels,
                config.widths[0],
                3,
                2,
            ),
            bn1: SparseBatchNorm::new(&(path / "bn1"), config.widths[0], 1.0),
            stages,
        }
    }

    /// The four maps of `(batch, channel, y, x)`, finest first; hidden positions are 0 in each.
    ///
    /// # Errors
    /// [`MimError::Shape`] when the input does not fit the mask's grid, [`MimError::Visible`].
    pub fn forward(
        &self,
        input: &Tensor,
        active: &Active,
        train: bool,
    ) -> Result<Vec<Tensor>, MimError> {
        let seen = input * active.like(input)?;
        let stem = convolve(&seen, &self.conv1, active)?;
        let mut x = self.bn1.forward(&stem, active, train)?.relu();
        let mut maps = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            for block in stage {
                x = block.forward(&x, active, train)?;
            }
            maps.push(x.shallow_clone());
        }
        Ok(maps)
    }
}

impl BasicBlock {
    fn new(path: &Path<'_>, from: i64, width: i64, stride: i64) -> Self {
        let downsample = (stride != 1 || from != width).then(|| {
            let path = path / "downsample";
            (
                convolution(&(&path / 0), from, width, 1, stride),
                SparseBatchNorm::new(&(&path / 1), width, 1.0),
            )
        });
        Self {
            conv1: convolution(&(path / "conv1"), from, width, 3, stride),
            bn1: SparseBatchNorm::new(&(path / "bn1"), width, 1.0),
            conv2: convolution(&(path / "conv2"), width, width, 3, 1),
            bn2: SparseBatchNorm::new(&(path / "bn2"), width, 0.0),
            downsample,
        }
    }

    fn forward(&self, input: &Tensor, active: &Active, train: bool) -> Result<Tensor, MimError> {
        let x = convolve(input, &self.conv1, active)?;
        let x = self.bn1.forward(&x, active, train)?.relu();
        let x = convolve(&x, &self.conv2, active)?;
        let x = self.bn2.forward(&x, active, train)?;
        let shortcut = match &self.downsample {
            None => input.shallow_clone(),
            Some((conv, norm)) => norm.forward(&convolve(input, conv, active)?, active, train)?,
        };
        Ok((x + shortcut).relu())
    }
}

fn convolution(path: &Path<'_>, from: i64, to: i64, kernel: i64, stride: i64) -> Conv2D {
    let ws_init = Init::Kaiming {
        dist: NormalOrUniform::Normal,
        fan: FanInOut::FanOut,
        non_linearity: NonLinearity::ReLU,
    };
    let config = nn::ConvConfig {
        stride,
        padding: kernel / 2,
        bias: false,
        ws_init,
        ..Default::default()
    };
    nn::conv2d(path, from, to, kernel, config)
}

#[cfg(test)]
mod tests {
    use tch::nn::VarStore;
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn hidden_pixels_reach_no_map() {
        tch::manual_seed(0);
        let store = VarStore::new(Device::Cpu);
        let config = EncoderConfig {
            widths: [4, 4, 8, 8],
            ..EncoderConfig::default()
        };
        let encoder = SparseEncoder::new(&store.root(), &config);
        let visible = Tensor::from_slice(&[1f32, 0., 0., 1.]).view([1, 1, 2, 2]);
        let active = Active::new(&visible);
        let input = Tensor::rand([1, 1, 32, 32], (Kind::Float, Device::Cpu));
        let hidden = active.at(32, 32).unwrap().neg() + 1.0;
        let other = &input + hidden * 5.0;
        let maps = encoder.forward(&input, &active, false).unwrap();
        for (a, b) in maps
            .iter()
            .zip(encoder.forward(&other, &active, false).unwrap())
        {
            assert_eq!((a - b).abs().max().double_value(&[]), 0.0);
            let outside = a * (active.like(a).unwrap().neg() + 1.0);
            assert_eq!(outside.abs().max().double_value(&[]), 0.0);
        }
        let sizes: Vec<_> = maps.iter().map(Tensor::size).collect();
        assert_eq!(
            sizes,
            [[1, 4, 16, 16], [1, 4, 8, 8], [1, 8, 4, 4], [1, 8, 2, 2]]
        );
    }

    #[test]
    fn parameters_are_named_as_timm_names_them() {
        let store = VarStore::new(Device::Cpu);
        SparseEncoder::new(&store.root(), &EncoderConfig::default());
        let mut names: Vec<String> = store.variables().into_keys().collect();
        names.sort();
        assert!(names.iter().all(|name| !name.contains("__")), "{names:?}");
        for name in [
            "bn1.running_var",
            "conv1.weight",
            "layer1.0.bn2.weight",
            "layer4.0.downsample.1.bias",
        ] {
            assert!(
                names.iter().any(|n| n == name),
                "{name} is not in {names:?}"
            );
        }
        assert!(!names.iter().any(|n| n.starts_with("layer1.0.downsample")));
    }
}
