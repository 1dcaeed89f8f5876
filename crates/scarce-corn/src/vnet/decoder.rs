//! The half that outlines.

use tch::Tensor;
use tch::nn::Path;

use super::encoder::Maps;
use super::layers::{Block, ConvUnit, Convolution, ConvolutionKind};
use super::{CONVOLUTIONS, Upsampling, VNetConfig, VNetOutput};
use crate::CornError;

/// The decoder and its classifier.
#[derive(Debug)]
pub(super) struct Decoder {
    /// From coarse to fine.
    levels: Vec<(ConvUnit, Block)>,
    classifier: Convolution,
    upsampling: Upsampling,
    dropout: f64,
}

impl Decoder {
    pub(super) fn new(path: &Path<'_>, config: &VNetConfig) -> Result<Self, CornError> {
        let levels = (0..4).rev().map(|level| {
            let path = path / "decoder" / level;
            let width = config.filters(level);
            let (kind, kernel_and_stride) = match config.upsampling {
                Upsampling::Transposed => (ConvolutionKind::Transposed, [2, 2]),
                Upsampling::Trilinear | Upsampling::Nearest => (ConvolutionKind::Plain, [3, 1]),
            };
            let up = &(&path / "up");
            let channels = [config.filters(level + 1), width];
            let up = ConvUnit::new(up, config, kind, channels, kernel_and_stride)?;
            let block = Block::new(&path, config, width, width, CONVOLUTIONS[level])?;
            Ok((up, block))
        });
        let levels = levels.collect::<Result<_, CornError>>()?;
        let channels = [config.base_filters, config.classes];
        let classifier = Convolution::new(
            &(path / "classifier"),
            config,
            ConvolutionKind::Plain,
            channels,
            [1, 1],
        )?;
        Ok(Self {
            levels,
            classifier,
            upsampling: config.upsampling,
            dropout: config.dropout,
        })
    }

    pub(super) fn forward(&self, maps: &Maps, train: bool) -> Result<VNetOutput, CornError> {
        let mut skips = maps.levels.iter().rev();
        let mut x = skips.next().map_or_else(Tensor::new, Tensor::shallow_clone);
        for ((up, block), skip) in self.levels.iter().zip(skips) {
            x = up.forward(&self.enlarged(&x)?, train)?.f_add(skip)?;
            x = block.forward(x, train)?;
        }
        let features = x.f_feature_dropout(self.dropout, train)?;
        let logits = self.classifier.forward(&features)?;
        Ok(if maps.is_flattened {
            VNetOutput {
                logits: logits.f_unsqueeze(2)?,
                features: features.f_unsqueeze(2)?,
            }
        } else {
            VNetOutput { logits, features }
        })
    }

    /// Twice as fine by interpolation; a transposed convolution enlarges by itself.
    fn enlarged(&self, x: &Tensor) -> Result<Tensor, CornError> {
        let size: Vec<i64> = x.size()[2..].iter().map(|n| 2 * n).collect();
        Ok(match (self.upsampling, size.len()) {
            (Upsampling::Transposed, _) => x.shallow_clone(),
            (Upsampling::Trilinear, 2) => x.f_upsample_bilinear2d(size, true, None, None)?,
            (Upsampling::Trilinear, _) => x.f_upsample_trilinear3d(size, true, None, None, None)?,
            (Upsampling::Nearest, 2) => x.f_upsample_nearest2d(size, None, None)?,
            (Upsampling::Nearest, _) => x.f_upsample_nearest3d(size, None, None, None)?,
        })
    }
}
