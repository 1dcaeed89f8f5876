//! CAML's cross-sample mutual attention: cells attend to one another in training, and never in evaluation.

use scarce_train::pytorch_init::{linear, uniform_fan_in, xavier_uniform};
use tch::Tensor;
use tch::nn::{self, Init, LayerNorm, Linear, LinearConfig, Module as _, Path};

use crate::CornError;

/// Attention heads of each layer.
const HEADS: i64 = 4;

/// Two transformer layers on an encoder's map: first the cells of each sample, then the samples at each cell.
#[derive(Debug)]
pub(super) struct SampleAttention {
    intra: Layer,
    inter: Layer,
}

impl SampleAttention {
    /// Layers on `channels`, a multiple of four, under `intra` and `inter`.
    pub(super) fn new(path: &Path<'_>, channels: i64, dropout: f64) -> Result<Self, CornError> {
        Ok(Self {
            intra: Layer::new(&(path / "intra"), channels, dropout)?,
            inter: Layer::new(&(path / "inter"), channels, dropout)?,
        })
    }

    /// The map `(batch, channel, …)` of a batch that is trained on.
    pub(super) fn forward(&self, map: &Tensor) -> Result<Tensor, CornError> {
        let of_samples = map.f_flatten(2, -1)?.f_transpose(1, 2)?;
        let of_samples = self.intra.forward(&of_samples)?;
        let of_cells = self.inter.forward(&of_samples.f_transpose(0, 1)?)?;
        Ok(of_cells.f_permute([1, 2, 0])?.f_reshape(map.size())?)
    }
}

/// A layer as `torch.nn.TransformerEncoderLayer` is by default: normalised afterwards, a rectifier between, four times as wide
/// there; the same names and initialisation.
#[derive(Debug)]
struct Layer {
    in_proj_weight: Tensor,
    in_proj_bias: Tensor,
    out_proj: Linear,
    linear1: Linear,
    linear2: Linear,
    norm1: LayerNorm,
    norm2: LayerNorm,
    dropout: f64,
}

impl Layer {
    fn new(path: &Path<'_>, width: i64, dropout: f64) -> Result<Self, CornError> {
        let attention = path / "self_attn";
        let zero = Init::Const(0.0);
        let of_out_proj = LinearConfig {
            ws_init: uniform_fan_in(width),
            bs_init: Some(zero),
            bias: true,
        };
        let norm =
            |name: &str| nn::layer_norm(path / name, vec![width], nn::LayerNormConfig::default());
        Ok(Self {
            in_proj_weight: attention.f_var(
                "in_proj_weight",
                &[3 * width, width],
                xavier_uniform(width, 3 * width),
            )?,
            in_proj_bias: attention.f_var("in_proj_bias", &[3 * width], zero)?,
            out_proj: nn::linear(&attention / "out_proj", width, width, of_out_proj),
            linear1: linear(&(path / "linear1"), width, 4 * width),
            linear2: linear(&(path / "linear2"), 4 * width, width),
            norm1: norm("norm1"),
            norm2: norm("norm2"),
            dropout,
        })
    }

    /// Of sequences `(n, token, width)`, in training.
    fn forward(&self, tokens: &Tensor) -> Result<Tensor, CornError> {
        let dropped = |x: Tensor| x.f_dropout(self.dropout, true);
        let seen = self.out_proj.forward(&self.attend(tokens)?);
        let x = self.norm1.forward(&tokens.f_add(&dropped(seen)?)?);
        let wide = dropped(self.linear1.forward(&x).f_relu()?)?;
        let narrow = dropped(self.linear2.forward(&wide))?;
        Ok(self.norm2.forward(&x.f_add(&narrow)?))
    }

    fn attend(&self, tokens: &Tensor) -> Result<Tensor, CornError> {
        let (n, count, width) = tokens.size3()?;
        let qkv = tokens
            .f_linear(&self.in_proj_weight, Some(&self.in_proj_bias))?
            .f_view([n, count, 3, HEADS, width / HEADS])?
            .f_permute([2, 0, 3, 1, 4])?;
        let [q, k, v] = [0, 1, 2].map(|part| qkv.f_select(0, part));
        let (mask, dropout) = (None::<&Tensor>, self.dropout);
        let seen = Tensor::f_scaled_dot_product_attention(
            &q?, &k?, &v?, mask, dropout, false, None, false,
        )?;
        Ok(seen.f_transpose(1, 2)?.f_reshape([n, count, width])?)
    }
}
