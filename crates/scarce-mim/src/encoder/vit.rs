//! Vision transformers.

use scarce_train::pytorch_init::xavier_uniform;
use tch::Tensor;
use tch::nn::{Init, Path};

use super::layers::stage_and_block;
use super::{Encoder, EncoderConfig, MapShape};
use crate::MimError;
use crate::sparse::{
    Active, Convolution, Features, Geometry, Input, LayerNorm, Normalisation, Padding,
};
use crate::transformer::{Block, EPS, positions};

/// Pixels a side of a token's patch.
const PATCH: i64 = 16;
const DEPTH: usize = 12;

/// A vision transformer (Dosovitskiy et al. 2021) as MAE pre-trains it (He et al. 2022): only visible patches become
/// tokens. timm's names (`patch_embed.proj`, `cls_token`, `blocks.0.attn.qkv`, …) but for `pos_embed`: positions are MAE's
/// fixed sines and cosines of the grid at hand, so that images of any size fit.
#[derive(Debug)]
pub(crate) struct Vit {
    patch_embed: Convolution,
    cls_token: Tensor,
    blocks: Vec<Block>,
    norm: LayerNorm,
    maps: [MapShape; 1],
}

/// What the network makes of an image: a token for the whole, and one for each visible patch.
#[derive(Debug)]
pub(crate) struct Tokens<'a> {
    /// `(batch, 1, width)`.
    pub whole: Tensor,
    /// The patches', as a map.
    pub patches: Features<'a>,
}

impl Vit {
    pub fn new(path: &Path<'_>, config: &EncoderConfig, width: i64, heads: i64) -> Self {
        let normal = Init::Randn {
            mean: 0.0,
            stdev: 0.02,
        };
        let values = config.in_channels * PATCH * PATCH;
        let patch_embed = Convolution::new(
            &(path / "patch_embed" / "proj"),
            [config.in_channels, width],
            Geometry::patches(2, PATCH),
            xavier_uniform(values, width),
            Some(Init::Const(0.0)),
        );
        let blocks = (0..DEPTH)
            .map(|k| {
                let drop_path = config.drop_path * k as f64 / (DEPTH - 1) as f64;
                Block::new(&(path / "blocks" / k), width, heads, drop_path)
            })
            .collect();
        Self {
            patch_embed,
            cls_token: path.var("cls_token", &[1, 1, width], normal),
            blocks,
            norm: LayerNorm::new(&(path / "norm"), width, EPS),
            maps: [MapShape {
                channels: width,
                stride: PATCH,
            }],
        }
    }

    /// The tokens after the last norm.
    pub fn tokens<'a>(
        &self,
        input: &Tensor,
        active: Option<&'a Active>,
        train: bool,
    ) -> Result<Tokens<'a>, MimError> {
        let (batch, _, height, columns) = input.size4()?;
        let (rows, columns) = (height / PATCH, columns / PATCH);
        let width = self.maps[0].channels;
        let places = positions(rows, columns, width, input.device())?;
        let places = places
            .f_view([1, rows, columns, width])?
            .f_permute([0, 3, 1, 2])?;
        let embedded = self
            .patch_embed
            .forward_input(&Input::Pixels(input, active))?;
        let places = places
            .f_to_kind(input.kind())?
            .f_expand([batch, -1, -1, -1], false)?;
        let embedded = embedded.add(&Features::new(&places, active)?)?;
        let (patches, padding) = Padding::pad(&embedded)?;
        let cls = self.cls_token.f_expand([batch, -1, -1], false)?;
        let mut x = Tensor::f_cat(&[cls, patches], 1)?;
        for block in &self.blocks {
            x = block.forward(&x, padding.keys(), train)?;
        }
        let x = self.norm.of_cells(&x)?;
        let patches = x.f_narrow(1, 1, x.size()[1] - 1)?;
        Ok(Tokens {
            whole: x.f_narrow(1, 0, 1)?,
            patches: padding.undo(&patches, &embedded)?,
        })
    }
}

impl Encoder for Vit {
    fn features<'a>(
        &self,
        input: &Input<'_, 'a>,
        train: bool,
    ) -> Result<Vec<Features<'a>>, MimError> {
        let Input::Pixels(pixels, active) = input else {
            return Err(MimError::NotInGraph {
                layer: "a vision transformer",
            });
        };
        Ok(vec![self.tokens(pixels, *active, train)?.patches])
    }

    fn maps(&self) -> &[MapShape] {
        &self.maps
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::Layer
    }

    fn layers(&self) -> usize {
        DEPTH + 1
    }

    /// What comes before the blocks 0, then each block a layer (as `BEiT` has it); the last norm goes with a head.
    fn layer_of(&self, parameter: &str) -> usize {
        match stage_and_block(parameter, "blocks.") {
            Some((block, _)) => block + 1,
            None if parameter.starts_with("norm.") => DEPTH + 1,
            None => 0,
        }
    }
}
