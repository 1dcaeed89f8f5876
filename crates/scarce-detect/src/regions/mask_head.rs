//! Which pixels of a region are the object's.

use scarce_train::interchange::onnx::{OnnxGraph, Value};
use tch::Tensor;
use tch::nn::Path;

use super::RegionConfig;
use super::levels::{Pooling, TracedPooling};
use crate::DetectError;
use crate::layers::{Convolution, Doubling, KAIMING_NORMAL};

/// Cells a side that a region is pooled to; its mask has twice as many.
const SIDE: usize = 14;

#[derive(Debug)]
pub(super) struct MaskHead {
    layers: Vec<Convolution>,
    doubling: Doubling,
    logits: Convolution,
}

impl MaskHead {
    pub(super) fn new(path: &Path<'_>, channels: i64, config: &RegionConfig) -> Self {
        let layers = (0..config.mask_layers)
            .map(|k| {
                let path = path / "mask_head" / k / 0;
                Convolution::new(&path, [channels; 2], 3, KAIMING_NORMAL)
            })
            .collect();
        let predictor = path / "mask_predictor";
        let logits = &predictor / "mask_fcn_logits";
        Self {
            layers,
            doubling: Doubling::new(&(&predictor / "conv5_mask"), channels),
            logits: Convolution::new(&logits, [channels, config.classes], 1, KAIMING_NORMAL),
        }
    }

    /// Logits `(n of all, class, cell, cell)` of the boxes of each image.
    pub(super) fn forward(
        &self,
        pooling: &Pooling,
        boxes: &[Tensor],
    ) -> Result<Tensor, DetectError> {
        let mut x = pooling.pool(boxes, SIDE)?;
        for layer in &self.layers {
            x = layer.forward(&x)?.f_relu()?;
        }
        self.logits.forward(&self.doubling.forward(&x)?.f_relu()?)
    }

    /// The same of pooled boxes as nodes of a graph, as probabilities.
    pub(super) fn trace(
        &self,
        graph: &mut OnnxGraph,
        pooling: &TracedPooling,
    ) -> Result<Value, DetectError> {
        let mut x = pooling.pool(graph, SIDE)?;
        for (k, layer) in self.layers.iter().enumerate() {
            x = layer.trace(graph, &format!("mask_head.{k}"), &x)?;
            x = graph.node("Relu", &[&x], &[]);
        }
        x = self
            .doubling
            .trace(graph, "mask_predictor.conv5_mask", &x)?;
        x = graph.node("Relu", &[&x], &[]);
        let logits = self
            .logits
            .trace(graph, "mask_predictor.mask_fcn_logits", &x)?;
        Ok(graph.node("Sigmoid", &[&logits], &[]))
    }
}

/// Of logits `(n, class, cell, cell)` those of each region's own class, `(n, cell, cell)`.
pub(super) fn of_class(logits: &Tensor, classes: &Tensor) -> Result<Tensor, DetectError> {
    let (_, _, rows, columns) = logits.size4()?;
    let index = classes
        .f_view([-1, 1, 1, 1])?
        .f_expand([-1, 1, rows, columns], false)?;
    Ok(logits.f_gather(1, &index, false)?.f_squeeze_dim(1)?)
}
