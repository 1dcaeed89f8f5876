//! What vision transformers are made of, with timm's names.

use scarce_train::pytorch_init::xavier_uniform;
use tch::nn::Path;
use tch::{Device, Kind, Tensor};

use crate::MimError;
use crate::sparse::{Features, LayerNorm, drop_path};

/// A linear layer drawn as MAE draws it: Xavier-uniform, biases 0.
#[derive(Debug)]
pub(crate) struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    pub(crate) fn new(path: &Path<'_>, from: i64, to: i64) -> Self {
        Self {
            weight: path.var("weight", &[to, from], xavier_uniform(from, to)),
            bias: path.zeros("bias", &[to]),
        }
    }

    pub(crate) fn forward(&self, input: &Tensor) -> Result<Tensor, MimError> {
        Ok(input.f_linear(&self.weight, Some(&self.bias))?)
    }
}

/// A pre-norm transformer block.
#[derive(Debug)]
pub(crate) struct Block {
    norm1: LayerNorm,
    qkv: Linear,
    projection: Linear,
    norm2: LayerNorm,
    expand: Linear,
    reduce: Linear,
    heads: i64,
    drop_path: f64,
}

pub(crate) const EPS: f64 = 1e-6;

impl Block {
    pub(crate) fn new(path: &Path<'_>, width: i64, heads: i64, drop_path: f64) -> Self {
        let (attention, mlp) = (path / "attn", path / "mlp");
        Self {
            norm1: LayerNorm::new(&(path / "norm1"), width, EPS),
            qkv: Linear::new(&(&attention / "qkv"), width, 3 * width),
            projection: Linear::new(&(&attention / "proj"), width, width),
            norm2: LayerNorm::new(&(path / "norm2"), width, EPS),
            expand: Linear::new(&(&mlp / "fc1"), width, 4 * width),
            reduce: Linear::new(&(&mlp / "fc2"), 4 * width, width),
            heads,
            drop_path,
        }
    }

    /// Tokens `(batch, token, width)`; `keys`, `(batch, 1, 1, token)`, is false for those that nobody may look at.
    pub(crate) fn forward(
        &self,
        tokens: &Tensor,
        keys: Option<&Tensor>,
        train: bool,
    ) -> Result<Tensor, MimError> {
        let branch = self.attend(&self.norm1.of_cells(tokens)?, keys)?;
        let x = tokens.f_add(&self.dropped(branch, train)?)?;
        let wide = self.expand.forward(&self.norm2.of_cells(&x)?)?;
        let branch = self.reduce.forward(&wide.f_gelu("none")?)?;
        Ok(x.f_add(&self.dropped(branch, train)?)?)
    }

    fn attend(&self, tokens: &Tensor, keys: Option<&Tensor>) -> Result<Tensor, MimError> {
        let (batch, count, width) = tokens.size3()?;
        let qkv = self
            .qkv
            .forward(tokens)?
            .f_view([batch, count, 3, self.heads, width / self.heads])?
            .f_permute([2, 0, 3, 1, 4])?;
        let [q, k, v] = [0, 1, 2].map(|n| qkv.f_select(0, n));
        let seen =
            Tensor::f_scaled_dot_product_attention(&q?, &k?, &v?, keys, 0.0, false, None, false)?;
        let joined = seen.f_transpose(1, 2)?.f_reshape([batch, count, width])?;
        self.projection.forward(&joined)
    }

    fn dropped(&self, branch: Tensor, train: bool) -> Result<Tensor, MimError> {
        drop_path(Features::Dense(branch), self.drop_path, train)?.map()
    }
}

/// Fixed positions of a grid's cells, `(rows · columns, width)`, as MAE's: the first half tells the column, the second
/// the row, each by sines and then cosines of falling frequency. `width` is a multiple of 4.
pub(crate) fn positions(
    rows: i64,
    columns: i64,
    width: i64,
    device: Device,
) -> Result<Tensor, MimError> {
    let options = (Kind::Double, device);
    let quarter = width / 4;
    let exponents = Tensor::f_arange(quarter, options)?.f_div_scalar(quarter as f64)?;
    let pace = exponents.f_mul_scalar(-(10000_f64.ln()))?.f_exp()?;
    let along = |count: i64| -> Result<Tensor, MimError> {
        let angles = Tensor::f_arange(count, options)?.f_outer(&pace)?;
        Ok(Tensor::f_cat(&[angles.f_sin()?, angles.f_cos()?], 1)?)
    };
    let (of_row, of_column) = (along(rows)?, along(columns)?);
    let half = 2 * quarter;
    let of_column = of_column
        .f_view([1, columns, half])?
        .f_expand([rows, -1, -1], false)?;
    let of_row = of_row
        .f_view([rows, 1, half])?
        .f_expand([-1, columns, -1], false)?;
    let both = Tensor::f_cat(&[of_column, of_row], 2)?;
    Ok(both
        .f_reshape([rows * columns, width])?
        .f_to_kind(Kind::Float)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// import numpy as np
    /// def one(p): o = 1 / 10000 ** (np.arange(2) / 2); return np.r_[np.sin(p * o), np.cos(p * o)]
    /// np.r_[one(2), one(1)]  # column 2, row 1, width 8
    /// ```
    #[test]
    fn positions_tell_column_then_row() {
        let all = positions(2, 3, 8, Device::Cpu).unwrap();
        assert_eq!(all.size(), [6, 8]);
        let got = Vec::<f32>::try_from(all.select(0, 5)).unwrap();
        let expected = [
            0.909297, 0.0199987, -0.416147, 0.9998, 0.841471, 0.0099998, 0.540302, 0.99995,
        ];
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6, "{got} {expected}");
        }
    }
}
