//! An encoder and a linear head on what its last map holds on average.

use ndarray::Array2;
use scarce_train::LayerDepth;
use scarce_train::image::Seed;
use scarce_train::pytorch_init::seed_initialisation;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use super::head::{Head, is_head};
use super::{ClassificationLoss, ClassifyConfig};
use crate::Intensities;
use crate::MimError;
use crate::encoder::{Encoder, build};
use crate::finetune::LabelledImage;
use crate::finetune::images::check_canvases;
use crate::finetune::look::{Frame, whole};
use crate::finetune::trunk::{encoder_variables, layer_depth};

/// An encoder and a head. Its variables are named as timm names the whole network's, so that what is saved of it loads there
/// with `strict=True`.
#[derive(Debug)]
pub struct Classifier {
    /// The variables of both.
    pub store: VarStore,
    encoder: Box<dyn Encoder>,
    head: Head,
    config: ClassifyConfig,
    intensities: Intensities,
    device: Device,
}

impl Classifier {
    /// A network for `classes` classes, drawn from libtorch's generator seeded by `seed`.
    ///
    /// # Errors
    /// [`MimError::Setting`] for settings out of range.
    pub fn new(
        config: &ClassifyConfig,
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
        let channels = last_map(encoder.as_ref())?;
        let architecture = config.encoder.architecture;
        let head = Head::new(&store.root(), architecture, channels, classes as i64);
        Ok(Self {
            store,
            encoder,
            head,
            config: config.clone(),
            intensities,
            device,
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
        self.head.forward(features, self.config.dropout, train)
    }

    /// Features `(image, channel)` of images that nothing is drawn of.
    ///
    /// # Errors
    /// [`MimError::Data`] for images that do not fit, by name.
    pub fn features_of(&self, images: &[LabelledImage]) -> Result<Tensor, MimError> {
        let _guard = tch::no_grad_guard();
        let (channels, input) = (self.config.encoder.in_channels, self.config.input_yx);
        let named = images.iter().map(|i| (i.id.as_str(), &i.pixels));
        check_canvases(named, channels, Frame::canvas_yx(input))?;
        let mut parts = Vec::new();
        for batch in images.chunks(self.config.batch) {
            let canvases = batch.iter().map(|image| &image.pixels);
            let pixels = whole(canvases, input, &self.intensities, self.device)?;
            parts.push(self.features(&pixels, false)?);
        }
        Ok(Tensor::f_cat(&parts, 0)?)
    }

    /// The probability of each class by the head, `(image, class)`; under [`ClassificationLoss::BinaryCrossEntropy`] the
    /// classes' own probabilities, brought to 1 together.
    ///
    /// # Errors
    /// [`MimError::Data`] for images that do not fit, by name.
    pub fn probabilities(&self, images: &[LabelledImage]) -> Result<Array2<f64>, MimError> {
        let _guard = tch::no_grad_guard();
        let logits = self.head(&self.features_of(images)?, false)?;
        let logits = logits.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?;
        let shares = match self.config.loss {
            ClassificationLoss::SoftCrossEntropy => logits.f_softmax(1, Kind::Double)?,
            ClassificationLoss::BinaryCrossEntropy => {
                let each = logits.f_sigmoid()?;
                &each / each.f_sum_dim_intlist([1i64].as_slice(), true, None)?
            }
        };
        let (images, classes) = shares.size2()?;
        let values = Vec::<f64>::try_from(shares.f_reshape(-1)?)?;
        Array2::from_shape_vec((images as usize, classes as usize), values).map_err(|error| {
            MimError::Data {
                message: error.to_string(),
            }
        })
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

fn last_map(encoder: &dyn Encoder) -> Result<i64, MimError> {
    encoder
        .maps()
        .last()
        .map(|map| map.channels)
        .ok_or_else(|| MimError::Data {
            message: "the encoder gives no map".to_owned(),
        })
}
