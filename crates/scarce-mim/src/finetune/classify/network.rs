//! An encoder and a linear head on what its last map holds on average.

use scarce_train::image::{Seed, StreamKey};
use scarce_train::{LayerDepth, named_variables, pytorch_init};
use tch::nn::{self, Module as _, VarStore};
use tch::{Device, Kind, Tensor};

use super::ClassifyConfig;
use crate::MimError;
use crate::encoder::{Encoder, build};

/// What timm calls the head of its residual networks.
const HEAD: &str = "fc";

/// An encoder and a head. Its variables are named as timm names the whole network's, so that what is saved of it loads there
/// with `strict=True`.
#[derive(Debug)]
pub struct Classifier {
    /// The variables of both.
    pub store: VarStore,
    encoder: Box<dyn Encoder>,
    head: nn::Linear,
    dropout: f64,
}

impl Classifier {
    /// A network for `classes` classes, drawn from libtorch's generator seeded by `seed`.
    ///
    /// # Errors
    /// [`MimError::Setting`] for an encoder that cannot be, or of volumes.
    pub fn new(
        config: &ClassifyConfig,
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
        let channels = last_map(encoder.as_ref())?;
        let bound = pytorch_init::uniform_fan_in(channels);
        let linear = nn::LinearConfig {
            ws_init: bound,
            bs_init: Some(bound),
            bias: true,
        };
        let head = nn::linear(store.root() / HEAD, channels, classes as i64, linear);
        Ok(Self {
            store,
            encoder,
            head,
            dropout: config.dropout,
        })
    }

    /// Features `(image, channel)` of pixels `(image, channel, y, x)`: the mean of the last map over its cells.
    ///
    /// # Errors
    /// As [`Encoder::forward`].
    pub fn features(&self, pixels: &Tensor, train: bool) -> Result<Tensor, MimError> {
        let maps = self.encoder.forward(pixels, None, train)?;
        let last = maps.last().ok_or_else(|| MimError::Data {
            message: "the encoder gave no map".to_owned(),
        })?;
        Ok(last.f_mean_dim([2i64, 3].as_slice(), false, Kind::Float)?)
    }

    /// Logits `(image, class)` of features.
    ///
    /// # Errors
    /// [`MimError::Torch`] from libtorch.
    pub fn head(&self, features: &Tensor, train: bool) -> Result<Tensor, MimError> {
        let kept = features.f_dropout(self.dropout, train)?;
        Ok(self.head.forward(&kept))
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
    name.starts_with("fc.")
}

fn last_map(encoder: &dyn Encoder) -> Result<i64, MimError> {
    encoder
        .maps()
        .last()
        .map(|map| map.channels)
        .ok_or_else(|| MimError::Data {
            message: "the encoder gives no map".to_owned(),
        })
}
