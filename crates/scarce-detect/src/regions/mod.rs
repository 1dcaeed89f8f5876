//! The heads on regions: what is in a proposal, where exactly, and in which of its pixels.

mod box_head;
mod detect;
mod levels;
mod loss;
mod mask_head;
mod paste;
mod targets;

use rand::Rng;
use scarce_train::interchange::onnx::{OnnxGraph, Value};
use serde::{Deserialize, Serialize};
use tch::Tensor;
use tch::nn::Path;

use crate::boxes::BoxCoder;
use crate::matching::{Matcher, Sampling};
use crate::{DetectError, Detections, Images, Instances};
use box_head::BoxHead;
use levels::Pooling;
use mask_head::MaskHead;

pub(crate) use levels::TracedPooling;
pub use paste::pasted;

/// How regions are looked at and learned; the defaults are torchvision's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegionConfig {
    /// Classes, the background among them.
    pub classes: i64,
    /// Numbers that a region's box head makes of it.
    pub box_width: i64,
    /// Whether instances are outlined, besides being boxed.
    pub masks: bool,
    /// Convolutions of the mask head.
    pub mask_layers: usize,
    /// Proposals that overlap an object at least so much are its, others background.
    pub positive_iou: f64,
    /// Proposals that an image learns from.
    pub sampled: usize,
    /// The share of these that objects' proposals may take.
    pub positive_share: f64,
    /// Detections less sure are left out.
    pub least_score: f64,
    /// Detections that overlap a better one by more fall.
    pub suppression_iou: f64,
    /// Whether a detection falls to a better one of another class, too.
    pub class_agnostic: bool,
    /// Detections of an image at most.
    pub detections: usize,
}

impl Default for RegionConfig {
    fn default() -> Self {
        Self {
            classes: 2,
            box_width: 1024,
            masks: true,
            mask_layers: 4,
            positive_iou: 0.5,
            sampled: 512,
            positive_share: 0.25,
            least_score: 0.05,
            suppression_iou: 0.5,
            class_agnostic: false,
            detections: 100,
        }
    }
}

/// Box and mask head; torchvision's names (`box_head.fc6`, `box_predictor.cls_score`, `mask_head.0.0`, …).
#[derive(Debug)]
pub struct RegionHeads {
    boxes: BoxHead,
    masks: Option<MaskHead>,
    config: RegionConfig,
}

/// The losses of the heads.
#[derive(Debug)]
pub struct RegionLosses {
    /// Cross entropy over the classes.
    pub classes: Tensor,
    /// Smooth L1 of the offsets.
    pub boxes: Tensor,
    /// Binary cross entropy of the masks; none without masks.
    pub masks: Option<Tensor>,
}

const CODER: BoxCoder = BoxCoder {
    weights: [10.0, 10.0, 5.0, 5.0],
};

impl RegionHeads {
    /// On a pyramid of `channels`.
    pub fn new(path: &Path<'_>, channels: i64, config: &RegionConfig) -> Self {
        Self {
            boxes: BoxHead::new(path, channels, config),
            masks: config.masks.then(|| MaskHead::new(path, channels, config)),
            config: config.clone(),
        }
    }

    /// What is found in the `proposals` of each image.
    ///
    /// # Errors
    /// [`DetectError::Torch`] from libtorch.
    pub fn detect(
        &self,
        pyramid: &[Tensor],
        images: &Images,
        proposals: &[Tensor],
    ) -> Result<Vec<Detections>, DetectError> {
        let _guard = tch::no_grad_guard();
        let pooling = Pooling::of(pyramid, images)?;
        let answers = self.boxes.forward(&pooling, proposals)?;
        let mut found = detect::detect(&self.config, &answers, images, proposals)?;
        if let Some(head) = &self.masks {
            let boxes: Vec<Tensor> = found.iter().map(|d| d.boxes.shallow_clone()).collect();
            let logits = head.forward(&pooling, &boxes)?;
            let mut first = 0;
            for detections in &mut found {
                let n = detections.boxes.size()[0];
                let of_image = logits.f_narrow(0, first, n)?;
                let of_class = mask_head::of_class(&of_image, &detections.classes)?;
                detections.masks = Some(of_class.f_sigmoid()?);
                first += n;
            }
        }
        Ok(found)
    }

    /// What the heads say of the boxes `(n, 4)` of each image: logits `(n of all, class)`, offsets `(n of all, class, 4)`, and
    /// probabilities `(n of all, class, cell, cell)` where there are masks.
    pub(crate) fn answers(
        &self,
        pyramid: &[Tensor],
        images: &Images,
        boxes: &[Tensor],
    ) -> Result<(Tensor, Tensor, Option<Tensor>), DetectError> {
        let pooling = Pooling::of(pyramid, images)?;
        let answers = self.boxes.forward(&pooling, boxes)?;
        let masks = match &self.masks {
            None => None,
            Some(head) => Some(head.forward(&pooling, boxes)?.f_sigmoid()?),
        };
        Ok((answers.logits, answers.offsets, masks))
    }

    /// Logits and offsets as nodes of a graph.
    pub(crate) fn trace_boxes(
        &self,
        graph: &mut OnnxGraph,
        pooling: &TracedPooling,
    ) -> Result<[Value; 2], DetectError> {
        self.boxes.trace(graph, pooling)
    }

    /// Probabilities of masks as nodes of a graph; none where there are no masks.
    pub(crate) fn trace_masks(
        &self,
        graph: &mut OnnxGraph,
        pooling: &TracedPooling,
    ) -> Result<Option<Value>, DetectError> {
        let head = self.masks.as_ref();
        head.map(|head| head.trace(graph, pooling)).transpose()
    }

    /// How far the heads are from the objects, of proposals drawn with one `rng` for each image.
    ///
    /// # Errors
    /// [`DetectError::Shape`] where masks are learned and an image has none.
    pub fn losses(
        &self,
        pyramid: &[Tensor],
        images: &Images,
        proposals: &[Tensor],
        instances: &[Instances],
        rngs: &mut [impl Rng],
    ) -> Result<RegionLosses, DetectError> {
        let config = &self.config;
        let matcher = Matcher {
            positive_iou: config.positive_iou,
            negative_iou: config.positive_iou,
            keep_best: false,
        };
        let sampling = Sampling {
            boxes: config.sampled,
            positive_share: config.positive_share,
        };
        let targets = targets::draw(proposals, instances, matcher, sampling, rngs)?;
        let pooling = Pooling::of(pyramid, images)?;
        let boxes: Vec<Tensor> = targets.iter().map(|t| t.boxes.shallow_clone()).collect();
        let answers = self.boxes.forward(&pooling, &boxes)?;
        let [classes, boxes] = loss::box_losses(&answers, &targets)?;
        let masks = match &self.masks {
            None => None,
            Some(head) => Some(loss::mask_loss(head, &pooling, &targets, instances)?),
        };
        Ok(RegionLosses {
            classes,
            boxes,
            masks,
        })
    }
}
