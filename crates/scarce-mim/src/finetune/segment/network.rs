//! An encoder with a U-Net's upward path.

use ndarray::{Array3, Array4};
use scarce_train::image::Seed;
use scarce_train::pytorch_init::seed_initialisation;
use scarce_train::{LayerDepth, array4_from_tensor};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use super::{SegmentConfig, UNetHead};
use crate::Intensities;
use crate::MimError;
use crate::encoder::{Encoder, build};
use crate::finetune::images::check_canvases;
use crate::finetune::look::{Frame, whole};
use crate::finetune::trunk::{encoder_variables, layer_depth};

/// What the variables of the head begin with.
const HEAD: &str = "decoder";

/// An encoder, its variables named as timm's, with a head under `decoder.`.
#[derive(Debug)]
pub struct Segmenter {
    /// The variables of both.
    pub store: VarStore,
    encoder: Box<dyn Encoder>,
    head: UNetHead,
    config: SegmentConfig,
    intensities: Intensities,
    device: Device,
}

impl Segmenter {
    /// A network for `classes` classes, the background among them, drawn from libtorch's generator seeded by `seed`.
    ///
    /// # Errors
    /// [`MimError::Setting`] for settings out of range.
    pub fn new(
        config: &SegmentConfig,
        classes: usize,
        intensities: Intensities,
        seed: Seed,
        device: Device,
    ) -> Result<Self, MimError> {
        config.check()?;
        intensities.check(config.encoder.in_channels)?;
        seed_initialisation(seed);
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
            config: config.clone(),
            intensities,
            device,
        })
    }

    /// Logits `(image, class, y, x)` at the size of pixels `(image, channel, y, x)`.
    ///
    /// # Errors
    /// As [`Encoder::forward`].
    pub fn forward(&self, pixels: &Tensor, train: bool) -> Result<Tensor, MimError> {
        let maps = if self.config.train_encoder {
            self.encoder.forward(pixels, None, train)?
        } else {
            tch::no_grad(|| self.encoder.forward(pixels, None, false))?
        };
        self.head.forward(pixels, &maps, train)
    }

    /// The probability of each class at each pixel of the input, `(image, class, y, x)`, for canvases, each with its name, that
    /// nothing is drawn of.
    ///
    /// # Errors
    /// [`MimError::Data`] for a canvas of another shape.
    pub fn predict(&self, canvases: &[(&str, &Array3<f32>)]) -> Result<Array4<f32>, MimError> {
        let _guard = tch::no_grad_guard();
        let (channels, input) = (self.config.encoder.in_channels, self.config.input_yx);
        check_canvases(canvases.iter().copied(), channels, Frame::canvas_yx(input))?;
        let mut parts = Vec::new();
        for batch in canvases.chunks(self.config.batch) {
            let canvases = batch.iter().map(|(_, canvas)| *canvas);
            let pixels = whole(canvases, input, &self.intensities, self.device)?;
            let shares = self.forward(&pixels, false)?.f_softmax(1, Kind::Float)?;
            parts.push(shares.f_to_device(Device::Cpu)?);
        }
        Ok(array4_from_tensor(&Tensor::f_cat(&parts, 0)?)?)
    }

    /// The encoder's variables, by timm's names.
    pub fn encoder_variables(&self) -> Vec<(String, Tensor)> {
        encoder_variables(&self.store, is_head)
    }

    /// The layer a parameter belongs to; the head's is the last.
    pub fn layer(&self, parameter: &str) -> LayerDepth {
        layer_depth(self.encoder.as_ref(), parameter, is_head)
    }
}

/// Whether a variable is the head's.
pub(super) fn is_head(name: &str) -> bool {
    name.starts_with("decoder.")
}
