//! What is said of every anchor.

use scarce_train::interchange::onnx::{Attribute, OnnxGraph, Value};
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

    /// The same as nodes of a graph.
    pub(super) fn trace(
        &self,
        graph: &mut OnnxGraph,
        map: &Value,
    ) -> Result<[Value; 2], DetectError> {
        let x = self.conv.trace(graph, "rpn.conv", map)?;
        let x = graph.node("Relu", &[&x], &[]);
        let mut by_anchor = |layer: &Convolution, name: &str, each: i64, shape: &[i64]| {
            let numbers = layer.trace(graph, name, &x)?;
            let of_anchor = graph.integers("shape", &[0, self.anchors, each, -1])?;
            let numbers = graph.node("Reshape", &[&numbers, &of_anchor], &[]);
            // Cell by cell, and of each the anchors.
            let order = [("perm", Attribute::Ints(vec![0, 3, 1, 2]))];
            let numbers = graph.node("Transpose", &[&numbers], &order);
            let shape = graph.integers("shape", shape)?;
            Ok::<_, DetectError>(graph.node("Reshape", &[&numbers, &shape], &[]))
        };
        Ok([
            by_anchor(&self.logits, "rpn.cls_logits", 1, &[0, -1])?,
            by_anchor(&self.offsets, "rpn.bbox_pred", 4, &[0, -1, 4])?,
        ])
    }
}
