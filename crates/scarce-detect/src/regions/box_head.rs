//! Class and place of a region.

use scarce_train::interchange::onnx::{Attribute, OnnxGraph, Value};
use tch::Tensor;
use tch::nn::Path;

use super::RegionConfig;
use super::levels::{Pooling, TracedPooling};
use crate::DetectError;
use crate::layers::Linear;

/// Cells a side that a region is pooled to.
const SIDE: usize = 7;

#[derive(Debug)]
pub(super) struct BoxHead {
    fc6: Linear,
    fc7: Linear,
    classes: Linear,
    offsets: Linear,
}

/// What is said of the boxes of all images.
#[derive(Debug)]
pub(super) struct BoxAnswers {
    /// `(n, class)`.
    pub logits: Tensor,
    /// `(n, class, 4)`.
    pub offsets: Tensor,
}

impl BoxHead {
    pub(super) fn new(path: &Path<'_>, channels: i64, config: &RegionConfig) -> Self {
        let (width, cells) = (config.box_width, (SIDE * SIDE) as i64);
        let (head, predictor) = (path / "box_head", path / "box_predictor");
        Self {
            fc6: Linear::new(&(&head / "fc6"), channels * cells, width),
            fc7: Linear::new(&(&head / "fc7"), width, width),
            classes: Linear::new(&(&predictor / "cls_score"), width, config.classes),
            offsets: Linear::new(&(&predictor / "bbox_pred"), width, 4 * config.classes),
        }
    }

    /// Of the boxes `(n, 4)` of each image.
    pub(super) fn forward(
        &self,
        pooling: &Pooling,
        boxes: &[Tensor],
    ) -> Result<BoxAnswers, DetectError> {
        let x = pooling.pool(boxes, SIDE)?.f_flatten(1, -1)?;
        let x = self.fc6.forward(&x)?.f_relu()?;
        let x = self.fc7.forward(&x)?.f_relu()?;
        let n = x.size()[0];
        let logits = self.classes.forward(&x)?;
        let classes = logits.size()[1];
        Ok(BoxAnswers {
            offsets: self.offsets.forward(&x)?.f_view([n, classes, 4])?,
            logits,
        })
    }

    /// The same of pooled boxes as nodes of a graph: logits and offsets.
    pub(super) fn trace(
        &self,
        graph: &mut OnnxGraph,
        pooling: &TracedPooling,
    ) -> Result<[Value; 2], DetectError> {
        let x = pooling.pool(graph, SIDE)?;
        let mut x = graph.node("Flatten", &[&x], &[("axis", Attribute::Int(1))]);
        for (layer, name) in [(&self.fc6, "box_head.fc6"), (&self.fc7, "box_head.fc7")] {
            x = layer.trace(graph, name, &x)?;
            x = graph.node("Relu", &[&x], &[]);
        }
        let logits = self.classes.trace(graph, "box_predictor.cls_score", &x)?;
        let offsets = self.offsets.trace(graph, "box_predictor.bbox_pred", &x)?;
        let by_class = graph.integers("shape", &[0, -1, 4])?;
        Ok([logits, graph.node("Reshape", &[&offsets, &by_class], &[])])
    }
}
