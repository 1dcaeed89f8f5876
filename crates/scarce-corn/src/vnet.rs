//! The V-Net of the left-atrium literature: five levels, added skips, no residual blocks.

use scarce_train::pytorch_init::{batch_norm, uniform_fan_in};
use serde::{Deserialize, Serialize};
use tch::nn::{
    self, BatchNorm, Conv3D, ConvTranspose3D, GroupNorm, GroupNormConfig, Module as _,
    ModuleT as _, Path,
};
use tch::{Kind, Tensor};

use crate::CornError;

/// Convolutions at each level, from full resolution down.
const CONVOLUTIONS: [usize; 5] = [1, 2, 3, 3, 3];

/// How a decoder doubles the resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Upsampling {
    /// A transposed convolution of kernel and stride 2 (the main branch).
    Transposed,
    /// Trilinear interpolation with aligned corners, then a 3³ convolution (the auxiliary branch).
    Trilinear,
}

/// How activations are normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// Over the batch, as the papers do. Batches of one or two crops leave running statistics that fit
    /// neither crop.
    Batch,
    /// Over each sample's channel by itself, the same in training and evaluation.
    Instance,
}

/// The network's size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VNetConfig {
    /// Channels of the input.
    pub in_channels: i64,
    /// Classes, the background among them.
    pub classes: i64,
    /// Filters at full resolution; each level doubles them. The papers use 16.
    pub base_filters: i64,
    /// How the decoder doubles the resolution.
    pub upsampling: Upsampling,
    /// How activations are normalised.
    pub normalisation: Normalisation,
    /// Share of channels dropped at the bottom and before the classifier, in training.
    pub dropout: f64,
}

impl Default for VNetConfig {
    fn default() -> Self {
        Self {
            in_channels: 1,
            classes: 2,
            base_filters: 16,
            upsampling: Upsampling::Transposed,
            normalisation: Normalisation::Batch,
            dropout: 0.5,
        }
    }
}

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
    encoder: Vec<Level>,
    decoder: Vec<Level>,
    classifier: Conv3D,
    dropout: f64,
}

/// What leads to a level, and the level's convolutions.
#[derive(Debug)]
struct Level {
    entrance: Option<Entrance>,
    block: Vec<ConvUnit>,
}

#[derive(Debug)]
enum Entrance {
    Down(ConvUnit),
    Transposed(ConvTranspose3D, Norm),
    Trilinear(ConvUnit),
}

/// Convolution, normalisation, rectifier.
#[derive(Debug)]
struct ConvUnit {
    convolution: Conv3D,
    norm: Norm,
}

#[derive(Debug)]
enum Norm {
    Batch(BatchNorm),
    Instance(GroupNorm),
}

impl Norm {
    fn new(path: &Path<'_>, kind: Normalisation, channels: i64) -> Self {
        match kind {
            Normalisation::Batch => {
                Self::Batch(nn::batch_norm3d(path / "bn", channels, batch_norm()))
            }
            // A group for each channel.
            Normalisation::Instance => Self::Instance(nn::group_norm(
                path / "in",
                channels,
                channels,
                GroupNormConfig::default(),
            )),
        }
    }

    fn forward(&self, input: &Tensor, train: bool) -> Tensor {
        match self {
            Self::Batch(norm) => norm.forward_t(input, train),
            Self::Instance(norm) => norm.forward(input),
        }
    }
}

impl VNet {
    /// The sides of an input are multiples of this.
    pub const DIVISOR: usize = 16;

    /// A network with PyTorch's default initialisation, its variables under `path`.
    pub fn new(path: &Path<'_>, config: &VNetConfig) -> Self {
        let norm = config.normalisation;
        let filters = |level: usize| config.base_filters << level;
        let block = |path: &Path<'_>, filters: i64, from: i64, count: usize| {
            (0..count)
                .map(|k| {
                    let inputs = if k == 0 { from } else { filters };
                    ConvUnit::new(&(path / "block" / k), norm, [inputs, filters], 3, 1)
                })
                .collect()
        };
        let encoder = (0..5)
            .map(|level| {
                let path = path / "encoder" / level;
                let width = filters(level);
                let entrance = (level > 0).then(|| {
                    Entrance::Down(ConvUnit::new(
                        &(&path / "down"),
                        norm,
                        [width / 2, width],
                        2,
                        2,
                    ))
                });
                let from = if level == 0 {
                    config.in_channels
                } else {
                    width
                };
                Level {
                    entrance,
                    block: block(&path, width, from, CONVOLUTIONS[level]),
                }
            })
            .collect();
        let decoder = (0..4)
            .rev()
            .map(|level| {
                let path = path / "decoder" / level;
                let width = filters(level);
                let up = &path / "up";
                let entrance = match config.upsampling {
                    Upsampling::Transposed => transposed(&up, norm, 2 * width, width),
                    Upsampling::Trilinear => {
                        Entrance::Trilinear(ConvUnit::new(&up, norm, [2 * width, width], 3, 1))
                    }
                };
                let block = block(&path, width, width, CONVOLUTIONS[level]);
                Level {
                    entrance: Some(entrance),
                    block,
                }
            })
            .collect();
        let classifier = convolution(
            &(path / "classifier"),
            config.base_filters,
            config.classes,
            1,
            nn::ConvConfig::default(),
        );
        Self {
            encoder,
            decoder,
            classifier,
            dropout: config.dropout,
        }
    }

    /// Logits and features of `(batch, channel, z, y, x)`.
    ///
    /// # Errors
    /// [`CornError::Shape`] unless each side is a positive multiple of 16;
    /// [`CornError::Torch`] from libtorch.
    pub fn forward(&self, input: &Tensor, train: bool) -> Result<VNetOutput, CornError> {
        let size = input.size();
        let fits = size.len() == 5
            && size[2..]
                .iter()
                .all(|n| *n > 0 && *n % Self::DIVISOR as i64 == 0);
        if !fits {
            return Err(CornError::Shape {
                what: "input (batch, channel, z, y, x)",
                expected: "sides that are multiples of 16".to_owned(),
                got: size,
            });
        }
        let mut x = input.shallow_clone();
        let mut skips = Vec::with_capacity(self.encoder.len());
        for level in &self.encoder {
            x = level.forward(&x, None, train)?;
            skips.push(x.shallow_clone());
        }
        skips.pop();
        x = x.f_feature_dropout(self.dropout, train)?;
        for level in &self.decoder {
            x = level.forward(&x, skips.pop().as_ref(), train)?;
        }
        let features = x.f_feature_dropout(self.dropout, train)?;
        Ok(VNetOutput {
            logits: features.apply(&self.classifier),
            features,
        })
    }
}

impl Level {
    fn forward(
        &self,
        input: &Tensor,
        skip: Option<&Tensor>,
        train: bool,
    ) -> Result<Tensor, CornError> {
        let mut x = match &self.entrance {
            None => input.shallow_clone(),
            Some(Entrance::Down(unit)) => unit.forward(input, train),
            Some(Entrance::Transposed(convolution, norm)) => {
                norm.forward(&input.apply(convolution), train).relu()
            }
            Some(Entrance::Trilinear(unit)) => {
                let size: Vec<i64> = input.size()[2..].iter().map(|n| 2 * n).collect();
                let wide = input.f_upsample_trilinear3d(&size, true, None, None, None)?;
                unit.forward(&wide, train)
            }
        };
        if let Some(skip) = skip {
            x = x.f_add(skip)?;
        }
        Ok(self.block.iter().fold(x, |x, unit| unit.forward(&x, train)))
    }
}

impl ConvUnit {
    fn new(
        path: &Path<'_>,
        norm: Normalisation,
        [inputs, outputs]: [i64; 2],
        kernel: i64,
        stride: i64,
    ) -> Self {
        let padding = if stride == 1 { kernel / 2 } else { 0 };
        let config = nn::ConvConfig {
            stride,
            padding,
            ..Default::default()
        };
        Self {
            convolution: convolution(&(path / "conv"), inputs, outputs, kernel, config),
            norm: Norm::new(path, norm, outputs),
        }
    }

    fn forward(&self, input: &Tensor, train: bool) -> Tensor {
        self.norm
            .forward(&input.apply(&self.convolution), train)
            .relu()
    }
}

fn convolution(
    path: &Path<'_>,
    inputs: i64,
    outputs: i64,
    kernel: i64,
    config: nn::ConvConfig,
) -> Conv3D {
    let init = uniform_fan_in(inputs * kernel.pow(3));
    nn::conv3d(
        path,
        inputs,
        outputs,
        kernel,
        nn::ConvConfig {
            ws_init: init,
            bs_init: init,
            ..config
        },
    )
}

fn transposed(path: &Path<'_>, norm: Normalisation, inputs: i64, outputs: i64) -> Entrance {
    // PyTorch takes the fan-in of a transposed weight (in, out, k, k, k) from its second axis.
    let init = uniform_fan_in(outputs * 8);
    let config = nn::ConvTransposeConfig {
        stride: 2,
        ws_init: init,
        bs_init: init,
        ..Default::default()
    };
    Entrance::Transposed(
        nn::conv_transpose3d(path / "conv", inputs, outputs, 2, config),
        Norm::new(path, norm, outputs),
    )
}

/// Class probabilities of logits `(batch, class, …)`.
pub fn probabilities(logits: &Tensor) -> Tensor {
    logits.softmax(1, Kind::Float)
}

#[cfg(test)]
mod tests {
    use tch::Device;
    use tch::nn::VarStore;

    use super::*;

    fn count(config: &VNetConfig, part: &str) -> i64 {
        let store = VarStore::new(Device::Cpu);
        VNet::new(&store.root(), config);
        store
            .variables()
            .iter()
            .filter(|(name, tensor)| name.starts_with(part) && tensor.requires_grad())
            .map(|(_, tensor)| tensor.numel() as i64)
            .sum()
    }

    /// Counts of the reference implementations' branches (specification of the V-Net: 9.44 M).
    #[test]
    fn has_the_published_number_of_parameters() {
        let main = VNetConfig::default();
        let auxiliary = VNetConfig {
            upsampling: Upsampling::Trilinear,
            ..main.clone()
        };
        assert_eq!(count(&main, ""), 9_448_866);
        assert_eq!(count(&main, "encoder"), 7_376_896);
        assert_eq!(
            count(&auxiliary, "") - count(&auxiliary, "encoder"),
            2_898_850
        );
    }

    /// tch renames a variable that is already there, and a checkpoint then loads into nothing.
    #[test]
    fn no_variable_is_renamed() {
        let store = VarStore::new(Device::Cpu);
        VNet::new(
            &store.root(),
            &VNetConfig {
                base_filters: 2,
                ..VNetConfig::default()
            },
        );
        let mut names: Vec<String> = store.variables().into_keys().collect();
        names.sort();
        assert!(names.iter().all(|name| !name.contains("__")), "{names:?}");
        for name in [
            "encoder.0.block.0.conv.weight",
            "encoder.4.down.bn.running_var",
            "decoder.3.up.conv.bias",
            "classifier.weight",
        ] {
            assert!(
                names.iter().any(|n| n == name),
                "{name} is not in {names:?}"
            );
        }
    }

    #[test]
    fn keeps_the_shape_and_refuses_others() {
        for (upsampling, normalisation) in [
            (Upsampling::Transposed, Normalisation::Batch),
            (Upsampling::Trilinear, Normalisation::Batch),
            (Upsampling::Transposed, Normalisation::Instance),
        ] {
            let store = VarStore::new(Device::Cpu);
            let config = VNetConfig {
                normalisation,
                base_filters: 2,
                classes: 3,
                upsampling,
                ..VNetConfig::default()
            };
            let net = VNet::new(&store.root(), &config);
            let zeros = |z, y, x| Tensor::zeros([1, 1, z, y, x], (Kind::Float, Device::Cpu));
            let output = net.forward(&zeros(16, 32, 16), false).unwrap();
            assert_eq!(output.logits.size(), [1, 3, 16, 32, 16]);
            assert_eq!(output.features.size(), [1, 2, 16, 32, 16]);
            assert!(matches!(
                net.forward(&zeros(16, 20, 16), false),
                Err(CornError::Shape { .. })
            ));
        }
    }
}
