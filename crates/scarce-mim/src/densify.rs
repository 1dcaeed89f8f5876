//! From sparse maps to dense ones: mask tokens fill what is hidden.

use tch::nn::{Init, Path};
use tch::{Kind, Tensor};

use scarce_train::pytorch_init::uniform_fan_in;

use crate::MimError;
use crate::encoder::MapShape;
use crate::sparse::{Active, Convolution, Features, Geometry, Norm, Normalisation};

/// One layer for each map, deepest first: normalisation of what is visible, mask token, projection.
#[derive(Debug)]
pub struct Densify {
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    norm: Norm,
    token: Tensor,
    /// None where the deepest map is as wide as the decoder.
    projection: Option<Convolution>,
}

/// Deviation of the mask tokens' normal distribution, which is cut one deviation from 0.
const TOKEN_DEVIATION: f64 = 0.02;

impl Densify {
    /// For encoder maps of `shapes` (finest first) with `dimensions` sides; level k, counted from the deepest, gives
    /// `decoder_width` / 2^k channels.
    pub fn new(
        path: &Path<'_>,
        shapes: &[MapShape],
        normalisation: Normalisation,
        dimensions: usize,
        decoder_width: i64,
    ) -> Self {
        let levels = shapes
            .iter()
            .rev()
            .enumerate()
            .map(|(k, shape)| {
                let path = path / k;
                let (from, to) = (shape.channels, decoder_width >> k);
                let geometry = Geometry::centred(dimensions, if k == 0 { 1 } else { 3 }, 1);
                let mut token = vec![1, from];
                token.resize(2 + dimensions, 1);
                let init = uniform_fan_in(from * geometry.kernel.pow(dimensions as u32));
                let projection = (k > 0 || from != to).then(|| {
                    let path = &path / "projection";
                    Convolution::new(&path, [from, to], geometry, init, Some(init))
                });
                Level {
                    norm: Norm::new(&(&path / "norm"), normalisation, from),
                    token: cut_normal(&path, "token", &token, TOKEN_DEVIATION),
                    projection,
                }
            })
            .collect();
        Self { levels }
    }

    /// Dense maps, deepest first, of the encoder's `maps` (finest first).
    ///
    /// # Errors
    /// [`MimError::Shape`] when the maps do not fit the mask's grid, [`MimError::Visible`].
    pub fn forward(
        &self,
        maps: &[Tensor],
        active: &Active,
        train: bool,
    ) -> Result<Vec<Tensor>, MimError> {
        self.levels
            .iter()
            .zip(maps.iter().rev())
            .map(|(level, map)| {
                let seen = Features::new(map, Some(active))?;
                let normed = level.norm.forward(seen, train)?;
                let filled = normed.filled_with(&level.token)?;
                match &level.projection {
                    None => Ok(filled),
                    Some(projection) => projection.over(&filled),
                }
            })
            .collect()
    }
}

/// A variable drawn from a normal distribution that is cut one deviation from 0.
fn cut_normal(path: &Path<'_>, name: &str, shape: &[i64], deviation: f64) -> Tensor {
    let uniform = Init::Uniform { lo: 0.0, up: 1.0 };
    let variable = path.var(name, shape, uniform);
    let _guard = tch::no_grad_guard();
    // Between -1 and 1 deviation lies this share of a normal distribution.
    let share = Tensor::from(std::f64::consts::FRAC_1_SQRT_2).erf();
    let quantile = (&variable * 2.0 - 1.0) * share;
    let value = quantile.erfinv() * (deviation * std::f64::consts::SQRT_2);
    variable.shallow_clone().copy_(&value.to_kind(Kind::Float));
    variable
}

#[cfg(test)]
mod tests {
    use tch::nn::VarStore;
    use tch::{Device, Kind};

    use super::*;

    /// ```python
    /// t = torch.nn.init.trunc_normal_(torch.empty(1_000_000), std=.02, a=-.02, b=.02)
    /// t.std(), t.abs().mean(), t.abs().max()  # .01079, .00919, .02
    /// ```
    #[test]
    fn tokens_are_cut_at_one_deviation() {
        tch::manual_seed(1);
        let store = VarStore::new(Device::Cpu);
        let token = cut_normal(&store.root(), "token", &[100_000], 0.02);
        let figures = [
            (token.std(false), 0.01079),
            (token.abs().mean(Kind::Float), 0.00919),
            (token.abs().max(), 0.02),
            (token.mean(Kind::Float), 0.0),
        ];
        for (got, expected) in figures {
            let got = got.double_value(&[]);
            assert!((got - expected).abs() < 1e-4, "{got} {expected}");
        }
        assert!(token.requires_grad());
    }
}
