//! The V-Net of the left-atrium literature: five levels, added skips, no residual blocks.

mod attention;
mod config;
mod decoder;
mod encoder;
mod layers;

use std::rc::Rc;

use tch::nn::Path;
use tch::{Kind, Tensor};

use crate::CornError;
pub use config::{Normalisation, Upsampling, VNetConfig};
use decoder::Decoder;
pub use encoder::{Encoder, Maps};

/// Convolutions at each level, from full resolution down.
const CONVOLUTIONS: [usize; 5] = [1, 2, 3, 3, 3];

/// What the network answers.
#[derive(Debug)]
pub struct VNetOutput {
    /// `(batch, class, z, y, x)`, before the softmax.
    pub logits: Tensor,
    /// `(batch, base_filters, z, y, x)`: what the classifier sees, after dropout.
    pub features: Tensor,
}

/// The network. Sides of its input are multiples of 16.
#[derive(Debug)]
pub struct VNet {
    encoder: Rc<Encoder>,
    decoder: Decoder,
    config: VNetConfig,
}

impl VNet {
    /// The sides of an input are multiples of this.
    pub const DIVISOR: usize = 16;

    /// A network with PyTorch's default initialisation, its variables under `path`.
    ///
    /// # Errors
    /// [`CornError::Setting`] as [`VNetConfig::check`]; [`CornError::NameTaken`] when a network lies
    /// under `path` already: tch would rename the second one's variables, and its checkpoint would
    /// load into nothing.
    pub fn new(path: &Path<'_>, config: &VNetConfig) -> Result<Self, CornError> {
        config.check()?;
        check_free(path)?;
        let encoder = Rc::new(Encoder::new(path, config)?);
        Self::upon(encoder, path, config)
    }

    /// A decoder of its own on the encoder of `other`, as MC-Net has it; the encoder's variables stay where they are.
    ///
    /// # Errors
    /// As [`Self::new`], and [`CornError::Setting`] for a network whose encoder would be another.
    pub fn sharing(path: &Path<'_>, other: &Self, config: &VNetConfig) -> Result<Self, CornError> {
        config.check()?;
        check_free(path)?;
        let as_other = VNetConfig {
            upsampling: other.config.upsampling,
            classes: other.config.classes,
            ..config.clone()
        };
        if as_other != other.config {
            let expected = "the settings of the network whose encoder is shared";
            let got = format!("{config:?}");
            return Err(CornError::setting("network", expected, got));
        }
        Self::upon(Rc::clone(&other.encoder), path, config)
    }

    fn upon(encoder: Rc<Encoder>, path: &Path<'_>, config: &VNetConfig) -> Result<Self, CornError> {
        Ok(Self {
            encoder,
            decoder: Decoder::new(path, config)?,
            config: config.clone(),
        })
    }

    /// What the network was built from.
    pub fn config(&self) -> &VNetConfig {
        &self.config
    }

    /// Whether both look through one encoder.
    pub fn shares_encoder_with(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.encoder, &other.encoder)
    }

    /// Logits and features of `(batch, channel, z, y, x)`; with `train`, batch statistics and dropout. A 2-D network takes
    /// `(batch, channel, y, x)`, or a z of one voxel, and answers likewise.
    ///
    /// # Errors
    /// [`CornError::Shape`] unless the channels are the network's and each side is a positive multiple
    /// of 16, and, with `train`, when the bottom level would be normalised over one value: batch
    /// normalisation would write a NaN variance that only shows in evaluation, instance normalisation
    /// would erase the input; [`CornError::Torch`] from libtorch.
    pub fn forward(&self, input: &Tensor, train: bool) -> Result<VNetOutput, CornError> {
        self.decode(&self.encode(input, train)?, train)
    }

    /// The first half of [`Self::forward`], for decoders that share it.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn encode(&self, input: &Tensor, train: bool) -> Result<Maps, CornError> {
        self.encoder.forward(input, train)
    }

    /// The second half of [`Self::forward`].
    ///
    /// # Errors
    /// [`CornError::Torch`] from libtorch, for maps of another encoder.
    pub fn decode(&self, maps: &Maps, train: bool) -> Result<VNetOutput, CornError> {
        self.decoder.forward(maps, train)
    }

    /// Logits as [`Self::forward`], in evaluation mode and without gradient: all that inference needs, and the other
    /// branches not run.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn forward_main(&self, input: &Tensor) -> Result<Tensor, CornError> {
        let _guard = tch::no_grad_guard();
        Ok(self.forward(input, false)?.logits)
    }
}

fn check_free(path: &Path<'_>) -> Result<(), CornError> {
    let classifier = path / "classifier";
    if classifier.get("weight").is_some() {
        let name = classifier.path("weight");
        return Err(CornError::NameTaken { name });
    }
    Ok(())
}

/// What losses are computed in: double where the network is, else single.
pub(crate) fn loss_kind(tensor: &Tensor) -> Kind {
    match tensor.kind() {
        Kind::Double => Kind::Double,
        _ => Kind::Float,
    }
}

/// Class probabilities of logits `(batch, class, …)`.
pub fn probabilities(logits: &Tensor) -> Tensor {
    logits.softmax(1, loss_kind(logits))
}
