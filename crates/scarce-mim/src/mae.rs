//! MAE's network: a transformer on visible patches, a light transformer on all.

use tch::Tensor;
use tch::nn::{Init, Path};

use crate::MimError;
use crate::encoder::{Encoder, EncoderConfig, Vit, build_vit};
use crate::sparse::{Active, LayerNorm};
use crate::transformer::{Block, EPS, Linear, positions};

/// The network of masked autoencoders (He et al. 2022), for images. Its variables lie under `encoder` and `decoder`.
#[derive(Debug)]
pub struct MaeModel {
    encoder: Vit,
    embed: Linear,
    token: Tensor,
    blocks: Vec<Block>,
    norm: LayerNorm,
    pixels: Linear,
    width: i64,
}

/// Blocks of the decoder, and channels of each of its heads.
const DEPTH: usize = 8;
const HEAD: i64 = 32;

impl MaeModel {
    /// MAE's decoder is so wide.
    pub const DECODER_WIDTH: i64 = 512;

    /// Draws the variables from libtorch's generator.
    ///
    /// # Errors
    /// [`MimError::Setting`] for an encoder that is no transformer, and for a decoder whose width is no multiple of 32.
    pub fn new(
        path: &Path<'_>,
        config: &EncoderConfig,
        decoder_width: i64,
    ) -> Result<Self, MimError> {
        if decoder_width < HEAD || decoder_width % HEAD != 0 {
            return Err(MimError::Setting {
                name: "decoder_width",
                expected: format!("a positive multiple of {HEAD}"),
                got: decoder_width.to_string(),
            });
        }
        let encoder = build_vit(&(path / "encoder"), config)?;
        let (patch, from) = (config.stride() as i64, encoder.maps()[0].channels);
        let path = path / "decoder";
        let normal = Init::Randn {
            mean: 0.0,
            stdev: 0.02,
        };
        let blocks = (0..DEPTH)
            .map(|k| {
                Block::new(
                    &(&path / "blocks" / k),
                    decoder_width,
                    decoder_width / HEAD,
                    0.0,
                )
            })
            .collect();
        let values = patch * patch * config.in_channels;
        Ok(Self {
            encoder,
            embed: Linear::new(&(&path / "embed"), from, decoder_width),
            token: path.var("token", &[1, decoder_width, 1, 1], normal),
            blocks,
            norm: LayerNorm::new(&(&path / "norm"), decoder_width, EPS),
            pixels: Linear::new(&(&path / "pred"), decoder_width, values),
            width: decoder_width,
        })
    }

    /// The patches `(batch, cell, pixel·channel)` predicted for `pixels` `(batch, channel, y, x)`, in the order of
    /// [`crate::loss::patchify`].
    ///
    /// # Errors
    /// [`MimError::Shape`] when the pixels do not fit the network or the mask's grid.
    pub fn forward(
        &self,
        pixels: &Tensor,
        active: &Active,
        train: bool,
    ) -> Result<Tensor, MimError> {
        let (batch, _, height, columns) = pixels.size4()?;
        let patch = self.patch();
        if active.grid() != [height / patch, columns / patch] {
            return Err(MimError::Shape {
                what: "mask of a transformer",
                expected: format!("cells of {patch} pixels a side"),
                got: active.grid(),
            });
        }
        let tokens = self.encoder.tokens(pixels, Some(active), train)?;
        let whole = self.embed.forward(&tokens.whole)?;
        let patches = tokens
            .patches
            .each_cell(|cells| self.embed.forward(cells))?;
        let filled = patches.filled_with(&self.token)?;
        let places = positions(height / patch, columns / patch, self.width, pixels.device())?;
        let filled = filled.f_flatten(2, -1)?.f_transpose(1, 2)?.f_add(
            &places
                .f_to_kind(whole.kind())?
                .f_expand([batch, -1, -1], false)?,
        )?;
        let mut x = Tensor::f_cat(&[whole, filled], 1)?;
        for block in &self.blocks {
            x = block.forward(&x, None, train)?;
        }
        let cells = x.f_narrow(1, 1, x.size()[1] - 1)?;
        self.pixels.forward(&self.norm.of_cells(&cells)?)
    }

    /// The encoder.
    pub fn encoder(&self) -> &dyn Encoder {
        &self.encoder
    }

    /// Pixels a side of a patch.
    pub fn patch(&self) -> i64 {
        self.encoder.maps()[0].stride
    }
}
