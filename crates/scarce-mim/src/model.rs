//! The whole network of a pre-training.

use tch::Tensor;
use tch::nn::Path;

use crate::MimError;
use crate::decoder::LightDecoder;
use crate::densify::Densify;
use crate::encoder::{self, Encoder, EncoderConfig};
use crate::sparse::Active;

/// Encoder, mask tokens and decoder.
#[derive(Debug)]
pub struct SparkModel {
    encoder: Box<dyn Encoder>,
    densify: Densify,
    decoder: LightDecoder,
}

impl SparkModel {
    /// With variables under `encoder`, `densify` and `decoder` of `path`, drawn from libtorch's generator.
    ///
    /// # Errors
    /// As [`encoder::build`].
    pub fn new(
        path: &Path<'_>,
        config: &EncoderConfig,
        decoder_width: i64,
    ) -> Result<Self, MimError> {
        let encoder = encoder::build(&(path / "encoder"), config)?;
        let widths: Vec<i64> = encoder.maps().iter().map(|map| map.channels).collect();
        let doublings = config.stride().ilog2() as usize;
        Ok(Self {
            encoder,
            densify: Densify::new(&(path / "densify"), &widths, decoder_width),
            decoder: LightDecoder::new(
                &(path / "decoder"),
                decoder_width,
                doublings,
                config.in_channels,
            ),
        })
    }

    /// The prediction for `pixels` `(batch, channel, …)`, of the same shape.
    ///
    /// # Errors
    /// As [`Encoder::forward`].
    pub fn forward(
        &self,
        pixels: &Tensor,
        active: &Active,
        train: bool,
    ) -> Result<Tensor, MimError> {
        let maps = self.encoder.forward(pixels, Some(active), train)?;
        let dense = self.densify.forward(&maps, active, train)?;
        self.decoder
            .forward(&dense, train)
            .ok_or_else(|| MimError::Data {
                message: "the encoder gave no map".to_owned(),
            })
    }
}
