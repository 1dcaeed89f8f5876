//! ConvNeXt.

use tch::Tensor;
use tch::nn::{Init, Path};

use super::layers::stage_and_block;
use super::{Encoder, EncoderConfig, MapShape};
use crate::MimError;
use crate::sparse::{Convolution, Features, Geometry, Input, LayerNorm, Normalisation, drop_path};

const EPS: f64 = 1e-6;

/// What tells one ConvNeXt from another.
#[derive(Debug)]
pub(super) struct ConvNextShape {
    pub widths: [i64; 4],
    pub blocks: [usize; 4],
}

/// ConvNeXt (Liu et al. 2022) with timm's names (`stem.0`, `stages.0.blocks.0.conv_dw`, …) and initialisation:
/// truncated normal of 0.02, γ of each block 1e-6. Its maps are not normalised once more, as SparK has it.
#[derive(Debug)]
pub(super) struct ConvNext {
    stem: (Convolution, LayerNorm),
    stages: Vec<Stage>,
    maps: [MapShape; 4],
    blocks: [usize; 4],
}

#[derive(Debug)]
struct Stage {
    downsample: Option<(LayerNorm, Convolution)>,
    blocks: Vec<Block>,
}

#[derive(Debug)]
struct Block {
    depthwise: Convolution,
    norm: LayerNorm,
    expand: [Tensor; 2],
    project: [Tensor; 2],
    gamma: Tensor,
    drop_path: f64,
}

/// Truncated at ±2, a hundred deviations out.
const NORMAL: Init = Init::Randn {
    mean: 0.0,
    stdev: 0.02,
};
const ZERO: Option<Init> = Some(Init::Const(0.0));

impl ConvNext {
    pub fn new(path: &Path<'_>, config: &EncoderConfig, shape: &ConvNextShape) -> Self {
        let total: usize = shape.blocks.iter().sum();
        let stem_path = path / "stem";
        let channels = [config.in_channels, shape.widths[0]];
        let stem = (
            Convolution::new(
                &(&stem_path / 0),
                channels,
                Geometry::patches(2, 4),
                NORMAL,
                ZERO,
            ),
            LayerNorm::new(&(&stem_path / 1), shape.widths[0], EPS),
        );
        let mut before = 0usize;
        let stages = (0..4)
            .map(|stage| {
                let path = path / "stages" / stage;
                let width = shape.widths[stage];
                let downsample = (stage > 0).then(|| {
                    let path = &path / "downsample";
                    let from = shape.widths[stage - 1];
                    let halve = Geometry::patches(2, 2);
                    (
                        LayerNorm::new(&(&path / 0), from, EPS),
                        Convolution::new(&(&path / 1), [from, width], halve, NORMAL, ZERO),
                    )
                });
                let blocks = (0..shape.blocks[stage])
                    .map(|k| {
                        let rate = config.drop_path * before as f64 / (total - 1).max(1) as f64;
                        before += 1;
                        Block::new(&(&path / "blocks" / k), width, rate)
                    })
                    .collect();
                Stage { downsample, blocks }
            })
            .collect();
        let maps = [0, 1, 2, 3].map(|stage| MapShape {
            channels: shape.widths[stage],
            stride: 4 << stage,
        });
        Self {
            stem,
            stages,
            maps,
            blocks: shape.blocks,
        }
    }
}

impl Block {
    fn new(path: &Path<'_>, width: i64, drop_path: f64) -> Self {
        let linear = |name: &str, from: i64, to: i64| {
            let path = path / "mlp" / name;
            [
                path.var("weight", &[to, from], NORMAL),
                path.zeros("bias", &[to]),
            ]
        };
        let wide = Geometry::centred(2, 7, 1).depthwise(width);
        Self {
            depthwise: Convolution::new(&(path / "conv_dw"), [width, width], wide, NORMAL, ZERO),
            norm: LayerNorm::new(&(path / "norm"), width, EPS),
            expand: linear("fc1", width, 4 * width),
            project: linear("fc2", 4 * width, width),
            gamma: path.var("gamma", &[width], Init::Const(1e-6)),
            drop_path,
        }
    }

    fn forward<'a>(&self, input: &Features<'a>, train: bool) -> Result<Features<'a>, MimError> {
        let x = self.norm.forward(self.depthwise.forward(input)?)?;
        let ([expand, expand_bias], [project, project_bias]) = (&self.expand, &self.project);
        let wide = x.linear(expand, expand_bias)?.gelu()?;
        let branch = wide.linear(project, project_bias)?.scaled(&self.gamma)?;
        drop_path(branch, self.drop_path, train)?.add(input)
    }
}

impl Encoder for ConvNext {
    fn features<'a>(
        &self,
        input: &Input<'_, 'a>,
        train: bool,
    ) -> Result<Vec<Features<'a>>, MimError> {
        let (convolution, norm) = &self.stem;
        let mut x = norm.forward(convolution.forward_input(input)?)?;
        let mut maps = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            if let Some((norm, convolution)) = &stage.downsample {
                x = convolution.forward(&norm.forward(x)?)?;
            }
            for block in &stage.blocks {
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
        Normalisation::Layer
    }

    /// Three blocks of the third stage are a layer: 12 for 27 of them, 6 for 9.
    fn layers(&self) -> usize {
        4 + self.blocks[2].div_ceil(3)
    }

    /// As the authors' fine-tuning: the stem 0, the first two stages 1 and 2, each three blocks of the third one layer,
    /// the last stage the last.
    fn layer_of(&self, parameter: &str) -> usize {
        let last = 3 + self.blocks[2].div_ceil(3);
        let block = || {
            let (_, rest) = parameter.split_once(".blocks.")?;
            stage_and_block(rest, "").map(|(block, _)| block)
        };
        match stage_and_block(parameter, "stages.") {
            Some((stage @ (0 | 1), _)) => stage + 1,
            Some((2, _)) => 3 + block().unwrap_or(0) / 3,
            Some((_, _)) => last,
            // The norm before a classifier.
            None if parameter.starts_with("head") => last + 1,
            None => 0,
        }
    }
}
