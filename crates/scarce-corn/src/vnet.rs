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

impl VNetConfig {
    /// Refuses what no network can be built from.
    ///
    /// # Errors
    /// [`CornError::Setting`] for a count below 1 or a dropout outside 0 to below 1.
    pub fn check(&self) -> Result<(), CornError> {
        for (name, value) in [
            ("network.in_channels", self.in_channels),
            ("network.classes", self.classes),
            ("network.base_filters", self.base_filters),
        ] {
            // The widest level has 16 times the base filters and a fan-in of 27 times that.
            if !(1..=1 << 16).contains(&value) {
                return Err(CornError::setting(name, "1 to 65536", value));
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            let expected = "at least 0 and below 1";
            return Err(CornError::setting(
                "network.dropout",
                expected,
                self.dropout,
            ));
        }
        Ok(())
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
    config: VNetConfig,
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
    ///
    /// # Errors
    /// [`CornError::Setting`] as [`VNetConfig::check`]; [`CornError::NameTaken`] when a network lies
    /// under `path` already: tch would rename the second one's variables, and its checkpoint would
    /// load into nothing.
    pub fn new(path: &Path<'_>, config: &VNetConfig) -> Result<Self, CornError> {
        config.check()?;
        let norm = config.normalisation;
        let classifier_path = path / "classifier";
        if classifier_path.get("weight").is_some() {
            return Err(CornError::NameTaken {
                name: classifier_path.path("weight"),
            });
        }
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
            &classifier_path,
            config.base_filters,
            config.classes,
            1,
            nn::ConvConfig::default(),
        );
        Ok(Self {
            encoder,
            decoder,
            classifier,
            config: config.clone(),
        })
    }

    /// What the network was built from.
    pub fn config(&self) -> &VNetConfig {
        &self.config
    }

    /// Logits and features of `(batch, channel, z, y, x)`; with `train`, batch statistics and dropout.
    ///
    /// # Errors
    /// [`CornError::Shape`] unless the channels are the network's and each side is a positive multiple
    /// of 16, and, with `train`, when the bottom level would be normalised over one value: batch
    /// normalisation would write a NaN variance that only shows in evaluation, instance normalisation
    /// would erase the input; [`CornError::Torch`] from libtorch.
    pub fn forward(&self, input: &Tensor, train: bool) -> Result<VNetOutput, CornError> {
        self.check_input(input, train)?;
        let mut x = input.shallow_clone();
        let mut skips = Vec::with_capacity(self.encoder.len());
        for level in &self.encoder {
            x = level.forward(&x, None, train)?;
            skips.push(x.shallow_clone());
        }
        skips.pop();
        x = x.f_feature_dropout(self.config.dropout, train)?;
        for level in &self.decoder {
            x = level.forward(&x, skips.pop().as_ref(), train)?;
        }
        let features = x.f_feature_dropout(self.config.dropout, train)?;
        Ok(VNetOutput {
            logits: features.apply(&self.classifier),
            features,
        })
    }

    fn check_input(&self, input: &Tensor, train: bool) -> Result<(), CornError> {
        let got = input.size();
        let channels = self.config.in_channels;
        let refuse = |expected: String| {
            Err(CornError::Shape {
                what: "network input (batch, channel, z, y, x)",
                expected,
                got: got.clone(),
            })
        };
        let divisor = Self::DIVISOR as i64;
        let [batch, channel, sides @ ..] = got.as_slice() else {
            return refuse("5 axes".to_owned());
        };
        let sides_fit = sides.len() == 3 && sides.iter().all(|n| *n > 0 && n % divisor == 0);
        if *batch < 1 || *channel != channels || !sides_fit {
            return refuse(format!(
                "a batch of {channels} channels and sides that are multiples of {divisor}"
            ));
        }
        let bottom = sides.iter().map(|n| n / divisor).product::<i64>();
        let normalised_over = match self.config.normalisation {
            Normalisation::Batch => batch * bottom,
            Normalisation::Instance => bottom,
        };
        if train && normalised_over < 2 {
            return refuse(format!(
                "a larger batch or side in training than {divisor}³ alone"
            ));
        }
        Ok(())
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
