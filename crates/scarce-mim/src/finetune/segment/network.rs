//! An encoder with a U-Net's upward path.

use scarce_train::image::{Seed, StreamKey};
use scarce_train::{LayerDepth, named_variables};
use tch::nn::VarStore;
use tch::{Device, Tensor};

use super::{SegmentConfig, UNetHead};
use crate::MimError;
use crate::encoder::{Encoder, build};

/// What the variables of the head begin with.
const HEAD: &str = "decoder";

/// An encoder, its variables named as timm's, with a head under `decoder.`.
#[derive(Debug)]
pub struct Segmenter {
    /// The variables of both.
    pub store: VarStore,
    encoder: Box<dyn Encoder>,
    head: UNetHead,
    trains_encoder: bool,
}

impl Segmenter {
    /// A network for `classes` classes, the background among them, drawn from libtorch's generator seeded by `seed`.
    ///
    /// # Errors
    /// [`MimError::Setting`] for an encoder that cannot be.
    pub fn new(
        config: &SegmentConfig,
        classes: usize,
        seed: Seed,
        device: Device,
    ) -> Result<Self, MimError> {
        tch::manual_seed(seed.derive(StreamKey {
            epoch: 0,
            sample_id: "",
            purpose: "init",
        }));
        let store = VarStore::new(device);
        let encoder = build(&store.root(), &config.encoder)?;
        let head = UNetHead::new(
            &(store.root() / HEAD),
            encoder.maps(),
            config.encoder.in_channels,
            classes as i64,
            config.head_width,
        )?;
        Ok(Self {
            store,
            encoder,
            head,
            trains_encoder: config.train_encoder,
        })
    }

    /// Logits `(image, class, y, x)` at the size of pixels `(image, channel, y, x)`.
    ///
    /// # Errors
    /// As [`Encoder::forward`].
    pub fn forward(&self, pixels: &Tensor, train: bool) -> Result<Tensor, MimError> {
        let maps = if self.trains_encoder {
            self.encoder.forward(pixels, None, train)?
        } else {
            tch::no_grad(|| self.encoder.forward(pixels, None, false))?
        };
        self.head.forward(pixels, &maps, train)
    }

    /// The encoder's variables, by timm's names.
    pub fn encoder_variables(&self) -> Vec<(String, Tensor)> {
        let all = named_variables(&self.store).into_iter();
        all.filter(|(name, _)| !is_head(name)).collect()
    }

    /// The layer a parameter belongs to; the head's is the last.
    pub fn layer(&self, parameter: &str) -> LayerDepth {
        let last = self.encoder.layers();
        let layer = if is_head(parameter) {
            last
        } else {
            self.encoder.layer_of(parameter)
        };
        LayerDepth {
            layer: layer as u32,
            layers: last as u32 + 1,
        }
    }
}

/// Whether a variable is the head's.
pub(super) fn is_head(name: &str) -> bool {
    name.starts_with("decoder.")
}
