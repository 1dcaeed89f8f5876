//! From pooled features to classes, under timm's names.

use scarce_train::pytorch_init;
use tch::Tensor;
use tch::nn::{self, Module as _, Path};

use crate::MimError;
use crate::encoder::Architecture;

/// timm's ConvNeXt.
const EPS: f64 = 1e-6;

/// A linear layer; ConvNeXt's has a layer norm before it.
#[derive(Debug)]
pub(super) struct Head {
    norm: Option<[Tensor; 2]>,
    linear: nn::Linear,
}

impl Head {
    /// `fc` for residual networks, `head.norm` and `head.fc` for ConvNeXt, `head` for transformers, whose last norm is the
    /// encoder's own; beside the encoder's variables under `path`.
    pub fn new(path: &Path<'_>, architecture: Architecture, channels: i64, classes: i64) -> Self {
        let is_convnext = matches!(
            architecture,
            Architecture::ConvNextTiny | Architecture::ConvNextSmall | Architecture::ConvNextBase
        );
        let head = path / "head";
        let norm = is_convnext.then(|| {
            let norm = &head / "norm";
            [
                norm.ones("weight", &[channels]),
                norm.zeros("bias", &[channels]),
            ]
        });
        let fc = if is_convnext {
            &head / "fc"
        } else if architecture.is_transformer() {
            head
        } else {
            path / "fc"
        };
        Self {
            norm,
            linear: pytorch_init::linear(&fc, channels, classes),
        }
    }

    /// Logits `(image, class)` of features `(image, channel)`.
    pub fn forward(
        &self,
        features: &Tensor,
        dropout: f64,
        train: bool,
    ) -> Result<Tensor, MimError> {
        let normed = match &self.norm {
            None => features.shallow_clone(),
            Some([weight, bias]) => {
                let size = weight.size();
                features.f_layer_norm(size, Some(weight), Some(bias), EPS, true)?
            }
        };
        Ok(self.linear.forward(&normed.f_dropout(dropout, train)?))
    }
}

/// Whether a variable is a head's.
pub(super) fn is_head(name: &str) -> bool {
    name.starts_with("fc.") || name.starts_with("head.")
}
