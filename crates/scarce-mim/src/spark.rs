//! SparK's network: a sparse encoder, densification, the light decoder.

use tch::Tensor;
use tch::nn::Path;

use crate::MimError;
use crate::decoder::LightDecoder;
use crate::densify::Densify;
use crate::encoder::{Encoder, EncoderConfig, MapShape, build};
use crate::sparse::Active;

/// A network for masked image modelling (Tian et al. 2023), for images or for volumes. Its variables lie under
/// `encoder`, `densify` and `decoder`.
#[derive(Debug)]
pub struct SparkModel {
    encoder: Box<dyn Encoder>,
    densify: Densify,
    decoder: LightDecoder,
    patch: i64,
}

impl SparkModel {
    /// SparK's decoder starts so wide, whatever the encoder.
    pub const DECODER_WIDTH: i64 = 768;

    /// Draws the variables from libtorch's generator. The decoder starts `decoder_width` channels wide and halves them at each
    /// doubling.
    ///
    /// # Errors
    /// [`MimError::Setting`] as [`EncoderConfig::check`], for a transformer, and for a width that cannot be halved so often.
    pub fn new(
        path: &Path<'_>,
        config: &EncoderConfig,
        decoder_width: i64,
    ) -> Result<Self, MimError> {
        let patch = config.stride() as i64;
        if decoder_width < patch || decoder_width % patch != 0 {
            return Err(MimError::Setting {
                name: "decoder_width",
                expected: format!("a positive multiple of {patch}"),
                got: decoder_width.to_string(),
            });
        }
        if config.architecture.is_transformer() {
            return Err(MimError::Setting {
                name: "encoder.architecture",
                expected: "a convolutional network".to_owned(),
                got: config.architecture.name().to_owned(),
            });
        }
        let encoder = build(&(path / "encoder"), config)?;
        let dimensions = config.architecture.dimensions();
        let densify = Densify::new(
            &(path / "densify"),
            used(encoder.maps()),
            encoder.normalisation(),
            dimensions,
            decoder_width,
        );
        let doublings = patch.ilog2() as usize;
        let channels = config.in_channels;
        let decoder_path = path / "decoder";
        let decoder = LightDecoder::new(
            &decoder_path,
            dimensions,
            decoder_width,
            doublings,
            channels,
        );
        Ok(Self {
            encoder,
            densify,
            decoder,
            patch,
        })
    }

    /// Pixels predicted for `pixels` `(batch, channel, side…)`, of which the encoder sees what `active` shows; same shape.
    ///
    /// # Errors
    /// [`MimError::Shape`] when the pixels do not fit the network or the mask's grid; [`MimError::Visible`] in
    /// training, when too little is visible for batch statistics.
    pub fn forward(
        &self,
        pixels: &Tensor,
        active: &Active,
        train: bool,
    ) -> Result<Tensor, MimError> {
        let maps = self.encoder.forward(pixels, Some(active), train)?;
        let unused = maps.len() - used(self.encoder.maps()).len();
        let dense = self.densify.forward(&maps[unused..], active, train)?;
        self.decoder.forward(&dense, train)
    }

    /// The encoder.
    pub fn encoder(&self) -> &dyn Encoder {
        self.encoder.as_ref()
    }

    /// Pixels a side of a patch.
    pub fn patch(&self) -> i64 {
        self.patch
    }
}

/// A map of full resolution would meet no block of the decoder.
fn used(maps: &[MapShape]) -> &[MapShape] {
    maps.iter()
        .position(|map| map.stride > 1)
        .map_or(&[], |first| &maps[first..])
}
