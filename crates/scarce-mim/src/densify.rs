//! From sparse maps to dense ones: mask tokens fill what is hidden.

use tch::Tensor;
use tch::nn::{self, Conv2D, Init, Path};

use crate::MimError;
use crate::sparse::{Active, BatchNorm, Features};

/// One layer for each map, deepest first: sparse normalisation, mask token, projection.
#[derive(Debug)]
pub struct Densify {
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    norm: BatchNorm,
    token: Tensor,
    projection: Conv2D,
}

impl Densify {
    /// For encoder maps of `widths` (finest first); level k, counted from the deepest, gives
    /// `decoder_width` / 2^k channels.
    pub fn new(path: &Path<'_>, widths: &[i64], decoder_width: i64) -> Self {
        let levels = widths
            .iter()
            .rev()
            .enumerate()
            .map(|(k, width)| {
                let path = path / k;
                let token = Init::Randn {
                    mean: 0.0,
                    stdev: 0.02,
                };
                let kernel = if k == 0 { 1 } else { 3 };
                let config = nn::ConvConfig {
                    padding: kernel / 2,
                    ..Default::default()
                };
                Level {
                    norm: BatchNorm::new(&(&path / "norm"), *width, 1.0),
                    token: path.var("token", &[1, *width, 1, 1], token),
                    projection: nn::conv2d(
                        &path / "projection",
                        *width,
                        decoder_width >> k,
                        kernel,
                        config,
                    ),
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
                let visible = active.like(map)?;
                let seen = Features::new(map, Some(active))?;
                let normed = level.norm.forward(seen, train)?.map()?;
                let filled = normed + &level.token * (visible.neg() + 1.0);
                Ok(filled.apply(&level.projection))
            })
            .collect()
    }
}
