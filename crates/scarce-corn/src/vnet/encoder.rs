//! The half that looks.

use tch::Tensor;
use tch::nn::Path;

use super::attention::SampleAttention;
use super::layers::{Block, ConvUnit, ConvolutionKind};
use super::{CONVOLUTIONS, VNet, VNetConfig};
use crate::CornError;
use crate::vnet::Normalisation;

/// The level whose cells attend to one another, where any do.
const ATTENTIVE_LEVEL: usize = 3;

/// The encoder: five levels, each half as fine as the one before.
#[derive(Debug)]
pub struct Encoder {
    levels: Vec<(Option<ConvUnit>, Block)>,
    /// Behind the fourth level.
    attention: Option<SampleAttention>,
    config: VNetConfig,
}

/// An encoder's answer, finest first: `(batch, channel, …)`, dropout done at the bottom.
#[derive(Debug)]
pub struct Maps {
    pub(super) levels: Vec<Tensor>,
    /// Whether a z of one voxel was taken away for a 2-D network.
    pub(super) is_flattened: bool,
}

impl Encoder {
    pub(super) fn new(path: &Path<'_>, config: &VNetConfig) -> Result<Self, CornError> {
        let levels = (0..5).map(|level| {
            let path = path / "encoder" / level;
            let width = config.filters(level);
            let down = (level > 0).then(|| {
                let path = &(&path / "down");
                let channels = [config.filters(level - 1), width];
                ConvUnit::new(path, config, ConvolutionKind::Plain, channels, [2, 2])
            });
            let from = if level == 0 {
                config.in_channels
            } else {
                width
            };
            let down = down.transpose()?;
            let block = Block::new(&path, config, from, width, CONVOLUTIONS[level])?;
            Ok((down, block))
        });
        let levels = levels.collect::<Result<_, CornError>>()?;
        // Beside the encoder's variables, which stay those of a pre-trained one.
        let attention = config.attention.then(|| {
            let channels = config.filters(ATTENTIVE_LEVEL);
            SampleAttention::new(&(path / "attention"), channels, config.dropout)
        });
        Ok(Self {
            levels,
            attention: attention.transpose()?,
            config: config.clone(),
        })
    }

    /// Maps of `(batch, channel, z, y, x)`, or `(batch, channel, y, x)` in 2-D.
    ///
    /// # Errors
    /// As [`VNet::forward`].
    pub fn forward(&self, input: &Tensor, train: bool) -> Result<Maps, CornError> {
        let is_flattened = self.config.dimensions == 2 && input.dim() == 5 && input.size()[2] == 1;
        let mut x = if is_flattened {
            input.f_squeeze_dim(2)?
        } else {
            input.shallow_clone()
        };
        self.check_input(&x, train)?;
        let mut levels = Vec::with_capacity(self.levels.len());
        for (level, (down, block)) in self.levels.iter().enumerate() {
            if let Some(down) = down {
                x = down.forward(&x, train)?;
            }
            x = block.forward(x, train)?;
            if let Some(attention) = &self.attention
                && train
                && level == ATTENTIVE_LEVEL
            {
                x = attention.forward(&x)?;
            }
            levels.push(x.shallow_clone());
        }
        if let Some(bottom) = levels.last_mut() {
            *bottom = x.f_feature_dropout(self.config.dropout, train)?;
        }
        Ok(Maps {
            levels,
            is_flattened,
        })
    }

    fn check_input(&self, input: &Tensor, train: bool) -> Result<(), CornError> {
        let got = input.size();
        let (channels, axes) = (self.config.in_channels, self.config.dimensions);
        let refuse = |expected: String| {
            Err(CornError::Shape {
                what: if axes == 2 {
                    "network input (batch, channel, y, x)"
                } else {
                    "network input (batch, channel, z, y, x)"
                },
                expected,
                got: got.clone(),
            })
        };
        let divisor = VNet::DIVISOR as i64;
        let [batch, channel, sides @ ..] = got.as_slice() else {
            return refuse(format!("{} axes", axes + 2));
        };
        let sides_fit = sides.len() == axes && sides.iter().all(|n| *n > 0 && n % divisor == 0);
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
