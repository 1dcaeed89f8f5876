//! The network: features of a slice that know of no prompt, and weights made of a prompt that read them.
//!
//! A fully convolutional U-Net gives features at four resolutions. A prompt's sentence vector becomes, by a small
//! perceptron, one weight for each feature, so that the logit at a pixel is the weighted sum over the features of all
//! resolutions there. (A linear `FiLM`, γ ⊙ F, at each stage of the decoder before one head of ones is the same.) As the
//! features don't depend on the prompt, a slice is looked at once for any number of prompts: in training each slice
//! answers a dozen at little more than the price of one.

use scarce_train::pytorch_init::{batch_norm, uniform_fan_in};
use serde::{Deserialize, Serialize};
use tch::nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use tch::nn::{self, Init, Module as _, ModuleT as _, Path};
use tch::{Kind, Tensor};

/// Channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Widths {
    /// Of the encoder's five stages, at strides 1, 2, 4, 8 and 16.
    pub encoder: [i64; 5],
    /// Features at strides 1, 2, 4 and 8.
    pub features: [i64; 4],
    /// Features of the slice as a whole.
    pub whole: i64,
    /// Hidden units between a sentence vector and its weights.
    pub text: i64,
}

impl Default for Widths {
    fn default() -> Self {
        Self {
            encoder: [16, 32, 64, 96, 128],
            features: [24, 32, 64, 96],
            whole: 64,
            text: 256,
        }
    }
}

/// Numbers in a sentence vector.
pub const TEXT_WIDTH: i64 = 384;

/// The log odds of a pixel before anything is known of it.
const PRIOR: f64 = -3.0;

/// Convolution, batch norm, and rectifier.
#[derive(Debug)]
pub struct Block {
    pub conv: nn::Conv2D,
    pub norm: nn::BatchNorm,
    pub stride: i64,
}

/// The network.
#[derive(Debug)]
pub struct Network {
    /// First block of each stage; those after the first halve the resolution.
    pub down: Vec<Block>,
    /// Second block of the stages after the first, around which the first's output is added.
    pub deepen: Vec<Block>,
    /// Adds the slice's mean features to the deepest.
    pub context: nn::Linear,
    /// 1 x 1 convolutions from a stage to the width of the one above, deepest first.
    pub lateral: Vec<nn::Conv2D>,
    /// Blocks of the decoder, deepest first.
    pub up: Vec<Block>,
    pub whole: nn::Linear,
    pub hidden: nn::Linear,
    /// Weights of the features, deepest first.
    pub weights: Vec<nn::Linear>,
    pub bias: nn::Linear,
    pub whole_weights: nn::Linear,
    pub presence_bias: nn::Linear,
}

/// What is known of slices.
pub struct Features {
    /// Deepest first, `(slice, feature, row, column)`.
    pub maps: Vec<Tensor>,
    /// `(slice, feature)`.
    pub whole: Tensor,
}

/// The answers.
pub struct Answers {
    /// `(slice, prompt, row, column)`.
    pub logits: Tensor,
    /// `(slice, prompt)`.
    pub presence: Tensor,
}

impl Network {
    /// A network as it starts.
    pub fn new(path: &Path<'_>, widths: &Widths) -> Self {
        let e = widths.encoder;
        let f = widths.features;
        let mut from = 1;
        let mut down = Vec::new();
        let mut deepen = Vec::new();
        for (stage, to) in e.into_iter().enumerate() {
            let stride = if stage == 0 { 1 } else { 2 };
            let path = path / "encoder" / stage;
            down.push(Block::new(&(&path / "down"), from, to, stride));
            if stage > 0 {
                deepen.push(Block::new(&(&path / "deepen"), to, to, 1));
            }
            from = to;
        }
        let mut lateral = Vec::new();
        let mut up = Vec::new();
        for stage in (0..4).rev() {
            let path = path / "decoder" / stage;
            let pointwise = nn::ConvConfig {
                ws_init: uniform_fan_in(from),
                bs_init: Init::Const(0.0),
                ..Default::default()
            };
            lateral.push(nn::conv2d(&path / "lateral", from, e[stage], 1, pointwise));
            up.push(Block::new(&(&path / "up"), e[stage], f[stage], 1));
            from = f[stage];
        }
        let text = |path: Path<'_>, to: i64, bias: f64| {
            let config = nn::LinearConfig {
                ws_init: uniform_fan_in(widths.text),
                bs_init: Some(Init::Const(bias)),
                bias: true,
            };
            nn::linear(path, widths.text, to, config)
        };
        Self {
            down,
            deepen,
            context: linear(&(path / "context"), e[4], e[4]),
            lateral,
            up,
            whole: linear(&(path / "whole"), e[4], widths.whole),
            hidden: linear(&(path / "text" / "hidden"), TEXT_WIDTH, widths.text),
            weights: (0..4)
                .rev()
                .map(|stage| text(path / "text" / "weights" / stage, f[stage], 0.0))
                .collect(),
            bias: text(path / "text" / "bias", 1, PRIOR),
            whole_weights: text(path / "text" / "whole", widths.whole, 0.0),
            presence_bias: text(path / "text" / "presence", 1, 0.0),
        }
    }

    /// Features of `(slice, 1, row, column)`.
    pub fn look(&self, image: &Tensor, train: bool) -> Features {
        let mut stages = vec![self.down[0].forward(&(image * 2.0 - 1.0), train)];
        for (down, deepen) in self.down[1..].iter().zip(&self.deepen) {
            let x = down.forward(&stages[stages.len() - 1], train);
            let x = deepen.forward(&x, train) + &x;
            stages.push(x);
        }
        let deepest = &stages[4];
        let mean = deepest.mean_dim([2, 3].as_slice(), false, Kind::Float);
        let whole = self.whole.forward(&mean).relu();
        let context = self.context.forward(&mean).unsqueeze(-1).unsqueeze(-1);
        let mut x = deepest + context;
        let mut maps = Vec::new();
        for (k, (lateral, up)) in self.lateral.iter().zip(&self.up).enumerate() {
            let skip = &stages[3 - k];
            x = up.forward(&(double(&lateral.forward(&x)) + skip), train);
            maps.push(x.shallow_clone());
        }
        Features { maps, whole }
    }

    /// What prompts `(slice, prompt, 384)` find: each slice has its own.
    pub fn answer(&self, features: &Features, text: &Tensor) -> Answers {
        let hidden = self.hidden.forward(text).relu();
        let bias = self.bias.forward(&hidden).unsqueeze(-1);
        let mut logits: Option<Tensor> = None;
        for (map, weights) in features.maps.iter().zip(&self.weights) {
            let size = map.size();
            let read = weights.forward(&hidden).bmm(&map.flatten(2, 3));
            let read = read.view([size[0], -1, size[2], size[3]]);
            logits = Some(match logits {
                None => read,
                Some(coarse) => double(&coarse) + read,
            });
        }
        let logits = logits.unwrap_or_else(|| unreachable!("there are four maps")) + bias;
        let presence = self
            .whole_weights
            .forward(&hidden)
            .bmm(&features.whole.unsqueeze(-1));
        let presence = (presence + self.presence_bias.forward(&hidden)).squeeze_dim(-1);
        Answers { logits, presence }
    }
}

impl Block {
    fn new(path: &Path<'_>, from: i64, to: i64, stride: i64) -> Self {
        let config = nn::ConvConfig {
            stride,
            padding: 1,
            bias: false,
            ws_init: Init::Kaiming {
                dist: NormalOrUniform::Normal,
                fan: FanInOut::FanOut,
                non_linearity: NonLinearity::ReLU,
            },
            ..Default::default()
        };
        Self {
            conv: nn::conv2d(path / "conv", from, to, 3, config),
            norm: nn::batch_norm2d(path / "norm", to, batch_norm()),
            stride,
        }
    }

    fn forward(&self, input: &Tensor, train: bool) -> Tensor {
        self.norm.forward_t(&self.conv.forward(input), train).relu()
    }
}

fn linear(path: &Path<'_>, from: i64, to: i64) -> nn::Linear {
    let config = nn::LinearConfig {
        ws_init: uniform_fan_in(from),
        bs_init: Some(Init::Const(0.0)),
        bias: true,
    };
    nn::linear(path, from, to, config)
}

/// Twice as many rows and columns, by straight lines between pixels' centres.
fn double(map: &Tensor) -> Tensor {
    let size = map.size();
    map.upsample_bilinear2d([2 * size[2], 2 * size[3]], false, 2.0, 2.0)
}
