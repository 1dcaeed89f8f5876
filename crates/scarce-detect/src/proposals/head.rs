//! What is said of every anchor.

use tch::Tensor;
use tch::nn::{Init, Path};

use crate::DetectError;
use crate::layers::Convolution;

#[derive(Debug)]
pub(super) struct ProposalHead {
    conv: Convolution,
    logits: Convolution,
    offsets: Convolution,
    anchors: i64,
}

const NORMAL: Init = Init::Randn {
    mean: 0.0,
    stdev: 0.01,
};

impl ProposalHead {
    /// For so many `anchors` a cell.
    pub(super) fn new(path: &Path<'_>, channels: i64, anchors: i64) -> Self {
        let layer = |path: Path<'_>, to: i64, kernel: i64| {
            Convolution::new(&path, [channels, to], kernel, NORMAL)
        };
        Self {
            conv: layer(path / "conv" / 0 / 0, channels, 3),
            logits: layer(path / "cls_logits", anchors, 1),
            offsets: layer(path / "bbox_pred", 4 * anchors, 1),
            anchors,
        }
    }

    /// Of a map: logits `(image, anchor)` and offsets `(image, anchor, 4)`.
    pub(super) fn forward(&self, map: &Tensor) -> Result<(Tensor, Tensor), DetectError> {
        let x = self.conv.forward(map)?.f_relu()?;
        let (images, _, rows, columns) = map.size4()?;
        let by_anchor = |numbers: Tensor, each: i64| -> Result<Tensor, DetectError> {
            let numbers = numbers.f_view([images, self.anchors, each, rows, columns])?;
            Ok(numbers
                .f_permute([0, 3, 4, 1, 2])?
                .f_reshape([images, -1, each])?)
        };
        let logits = by_anchor(self.logits.forward(&x)?, 1)?;
        Ok((
            logits.f_squeeze_dim(2)?,
            by_anchor(self.offsets.forward(&x)?, 4)?,
        ))
    }
}
