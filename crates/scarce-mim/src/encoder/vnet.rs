//! The V-Net's encoder.

use tch::nn::{Init, Path};

use super::layers::stage_and_block;
use super::{Encoder, EncoderConfig, MapShape};
use crate::MimError;
use crate::sparse::{Convolution, Features, Geometry, Input, Norm, Normalisation};

use scarce_train::pytorch_init::uniform_fan_in;

/// Convolutions at each level, from full resolution down.
const CONVOLUTIONS: [usize; 5] = [1, 2, 3, 3, 3];
/// Filters at full resolution unless settings say otherwise; each level doubles them.
const FILTERS: i64 = 16;

/// The encoder of the V-Net that the left-atrium literature trains, named (`encoder.0.block.0.conv`, …) and
/// initialised as the whole network is in semi-supervised training, which can start from it.
#[derive(Debug)]
pub(super) struct VNetEncoder {
    levels: Vec<Vec<Unit>>,
    maps: [MapShape; 5],
    normalisation: Normalisation,
}

/// Convolution, normalisation, rectifier.
#[derive(Debug)]
struct Unit {
    convolution: Convolution,
    norm: Norm,
}

impl VNetEncoder {
    pub fn new(path: &Path<'_>, config: &EncoderConfig) -> Self {
        let normalisation = config.normalisation.unwrap_or(Normalisation::Batch);
        let filters = config.base_filters.unwrap_or(FILTERS);
        let width = |level: usize| filters << level;
        let levels = (0..5)
            .map(|level| {
                let path = path / "encoder" / level;
                let mut from = config.in_channels;
                let mut units = Vec::new();
                if level > 0 {
                    from = width(level);
                    let channels = [width(level - 1), from];
                    let geometry = Geometry::patches(3, 2);
                    units.push(Unit::new(
                        &(&path / "down"),
                        channels,
                        geometry,
                        normalisation,
                    ));
                }
                for k in 0..CONVOLUTIONS[level] {
                    let path = &path / "block" / k;
                    let geometry = Geometry::centred(3, 3, 1);
                    units.push(Unit::new(
                        &path,
                        [from, width(level)],
                        geometry,
                        normalisation,
                    ));
                    from = width(level);
                }
                units
            })
            .collect();
        let maps = [0, 1, 2, 3, 4].map(|level| MapShape {
            channels: width(level),
            stride: 1 << level,
        });
        Self {
            levels,
            maps,
            normalisation,
        }
    }
}

impl Unit {
    fn new(
        path: &Path<'_>,
        channels: [i64; 2],
        geometry: Geometry,
        normalisation: Normalisation,
    ) -> Self {
        let init: Init = uniform_fan_in(channels[0] * geometry.kernel.pow(3));
        let norm = match normalisation {
            Normalisation::Batch => "bn",
            Normalisation::Instance => "in",
            Normalisation::Layer => "ln",
        };
        let conv = &(path / "conv");
        Self {
            convolution: Convolution::new(conv, channels, geometry, init, Some(init)),
            norm: Norm::new(&(path / norm), normalisation, channels[1]),
        }
    }
}

impl Encoder for VNetEncoder {
    fn features<'a>(
        &self,
        input: &Input<'_, 'a>,
        train: bool,
    ) -> Result<Vec<Features<'a>>, MimError> {
        let mut maps = Vec::with_capacity(self.levels.len());
        let mut x: Option<Features<'_>> = None;
        for level in &self.levels {
            for unit in level {
                let convolved = match &x {
                    None => unit.convolution.forward_input(input)?,
                    Some(x) => unit.convolution.forward(x)?,
                };
                x = Some(unit.norm.forward(convolved, train)?.relu()?);
            }
            if let Some(x) = &x {
                maps.push(x.shallow_clone());
            }
        }
        Ok(maps)
    }

    fn maps(&self) -> &[MapShape] {
        &self.maps
    }

    fn normalisation(&self) -> Normalisation {
        self.normalisation
    }

    fn layers(&self) -> usize {
        self.levels.len()
    }

    /// Each level a layer.
    fn layer_of(&self, parameter: &str) -> usize {
        stage_and_block(parameter, "encoder.").map_or(0, |(level, _)| level)
    }
}
