//! Residual networks.

mod blocks;

use tch::nn::Path;

use self::blocks::{Block, NormedConvolution};
use super::layers::stage_and_block;
use super::{Encoder, EncoderConfig, MapShape};
use crate::MimError;
use crate::sparse::{Features, Geometry, Input, Normalisation, max_pool};

pub(super) use self::blocks::BlockKind;

/// What comes before the stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stem {
    /// A 3-wide convolution of stride 2.
    Light,
    /// A 7-wide convolution of stride 2 and max-pooling of stride 2.
    Pooled,
}

/// What tells one residual network from another.
#[derive(Debug)]
pub(super) struct ResNetShape {
    pub stem: Stem,
    pub block: BlockKind,
    /// Channels of each stage; a bottleneck's output has four times as many.
    pub widths: [i64; 4],
    pub blocks: [usize; 4],
}

/// A residual network with timm's names (`conv1`, `bn1`, `layer1.0.conv1`, …) and initialisation: Kaiming by fan-out,
/// the last norm of each block 0.
#[derive(Debug)]
pub(super) struct ResNet {
    stem: NormedConvolution,
    pooled: bool,
    stages: Vec<Vec<Block>>,
    blocks: [usize; 4],
    maps: [MapShape; 4],
}

impl ResNet {
    pub fn new(path: &Path<'_>, config: &EncoderConfig, shape: &ResNetShape) -> Self {
        let dimensions = config.architecture.dimensions();
        let pooled = shape.stem == Stem::Pooled;
        let total: usize = shape.blocks.iter().sum();
        let mut from = shape.widths[0];
        let mut before = 0usize;
        let mut maps = [MapShape {
            channels: 0,
            stride: if pooled { 4 } else { 2 },
        }; 4];
        let stages = (0..4)
            .map(|stage| {
                let width = shape.widths[stage];
                let blocks = (0..shape.blocks[stage])
                    .map(|k| {
                        let path = path / format!("layer{}", stage + 1) / k;
                        let stride = if stage > 0 && k == 0 { 2 } else { 1 };
                        let drop_path =
                            config.drop_path * before as f64 / (total - 1).max(1) as f64;
                        let block = Block::new(
                            &path,
                            shape.block,
                            dimensions,
                            [from, width],
                            stride,
                            drop_path,
                        );
                        from = width * shape.block.expansion();
                        before += 1;
                        block
                    })
                    .collect();
                maps[stage].channels = from;
                maps[stage].stride <<= stage;
                blocks
            })
            .collect();
        let kernel = if pooled { 7 } else { 3 };
        let stem = NormedConvolution::new(
            path,
            ["conv1", "bn1"],
            [config.in_channels, shape.widths[0]],
            Geometry::centred(dimensions, kernel, 2),
            1.0,
        );
        Self {
            stem,
            pooled,
            stages,
            blocks: shape.blocks,
            maps,
        }
    }
}

impl Encoder for ResNet {
    fn features<'a>(
        &self,
        input: &Input<'_, 'a>,
        train: bool,
    ) -> Result<Vec<Features<'a>>, MimError> {
        let mut x = self.stem.forward_input(input, train)?.relu()?;
        if self.pooled {
            x = max_pool(&x, 3, 2, 1)?;
        }
        let mut maps = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            for block in stage {
                x = block.forward(&x, train)?;
            }
            maps.push(x.shallow_clone());
        }
        Ok(maps)
    }

    fn maps(&self) -> &[MapShape] {
        &self.maps
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::Batch
    }

    fn layers(&self) -> usize {
        7
    }

    /// The stem 0, stage 1 1, stages 2 and 3 two layers each, stage 4 6: SparK's for ResNet-50.
    fn layer_of(&self, parameter: &str) -> usize {
        match stage_and_block(parameter, "layer") {
            Some((1, _)) => 1,
            Some((stage @ (2 | 3), block)) => {
                let half = 2 * block.unwrap_or(0) / self.blocks[stage - 1];
                2 * (stage - 1) + half.min(1)
            }
            Some((4, _)) => 6,
            _ => 0,
        }
    }
}
