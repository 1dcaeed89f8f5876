//! Region proposals (Ren et al. 2015): where in an image anything may be.

mod head;
mod loss;
mod select;

use rand::Rng;
use scarce_train::interchange::onnx::{Attribute, OnnxGraph, Value};
use serde::{Deserialize, Serialize};
use tch::Tensor;
use tch::nn::Path;

use crate::anchors::AnchorConfig;
use crate::boxes::BoxCoder;
use crate::matching::{Matcher, Sampling};
use crate::{DetectError, Images, Instances};
use head::ProposalHead;

/// How proposals are made and learned; the defaults are torchvision's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProposalConfig {
    /// Side in pixels of the square anchor of each level of the pyramid, finest first.
    pub anchor_sides: Vec<f64>,
    /// Height over width of the anchors.
    pub aspect_ratios: Vec<f64>,
    /// Anchors of a level that go into suppression, in training and after it.
    pub before_suppression: [usize; 2],
    /// Proposals of an image that stay, in training and after it.
    pub after_suppression: [usize; 2],
    /// Proposals of a level that overlap a better one by more fall.
    pub suppression_iou: f64,
    /// Anchors that overlap an object at least so much are its.
    pub positive_iou: f64,
    /// Anchors that overlap every object less are background.
    pub negative_iou: f64,
    /// Anchors that an image learns from.
    pub sampled: usize,
    /// The share of these that objects' anchors may take.
    pub positive_share: f64,
    /// Proposals narrower or lower than so many pixels are left out.
    pub least_side: f64,
}

impl Default for ProposalConfig {
    fn default() -> Self {
        Self {
            anchor_sides: vec![32.0, 64.0, 128.0, 256.0, 512.0],
            aspect_ratios: vec![0.5, 1.0, 2.0],
            before_suppression: [2000, 1000],
            after_suppression: [2000, 1000],
            suppression_iou: 0.7,
            positive_iou: 0.7,
            negative_iou: 0.3,
            sampled: 256,
            positive_share: 0.5,
            least_side: 1e-3,
        }
    }
}

/// The region proposal network; torchvision's names (`head.conv`, `head.cls_logits`, `head.bbox_pred`).
#[derive(Debug)]
pub struct ProposalNetwork {
    head: ProposalHead,
    config: ProposalConfig,
}

/// What the network says of every anchor of a batch.
#[derive(Debug)]
pub struct Proposals {
    /// Anchors, `(anchor, 4)`: level by level, cell by cell.
    anchors: Tensor,
    /// How many of them are of each level.
    of_level: Vec<i64>,
    /// Logits that it is an object, `(image, anchor)`.
    pub(crate) objectness: Tensor,
    /// Offsets to the object, `(image, anchor, 4)`.
    pub(crate) offsets: Tensor,
}

/// The losses of the proposals.
#[derive(Debug)]
pub struct ProposalLosses {
    /// Cross entropy of objects and background.
    pub objectness: Tensor,
    /// Smooth L1 of the offsets.
    pub boxes: Tensor,
}

const CODER: BoxCoder = BoxCoder { weights: [1.0; 4] };

impl ProposalNetwork {
    /// On a pyramid of `channels`.
    pub fn new(path: &Path<'_>, channels: i64, config: &ProposalConfig) -> Self {
        let anchors = config.aspect_ratios.len() as i64;
        Self {
            head: ProposalHead::new(&(path / "head"), channels, anchors),
            config: config.clone(),
        }
    }

    /// Looks at the pyramid's maps of `images`.
    ///
    /// # Errors
    /// [`DetectError::Shape`] unless there is an anchor side for each map.
    pub fn forward(&self, pyramid: &[Tensor], images: &Images) -> Result<Proposals, DetectError> {
        let config = &self.config;
        if pyramid.len() != config.anchor_sides.len() {
            return Err(DetectError::Shape {
                what: "pyramid",
                expected: "a map for each of `anchor_sides`",
                got: vec![pyramid.len() as i64],
            });
        }
        let (_, _, height, width) = images.pixels.size4()?;
        let (mut anchors, mut objectness, mut offsets) = (Vec::new(), Vec::new(), Vec::new());
        for (map, side) in pyramid.iter().zip(&config.anchor_sides) {
            let (_, _, rows, columns) = map.size4()?;
            let level = AnchorConfig {
                sizes: vec![*side],
                aspect_ratios: config.aspect_ratios.clone(),
            };
            let found = level.anchors(rows, columns, [height / rows, width / columns])?;
            anchors.push(found.to_device(map.device()));
            let (logits, boxes) = self.head.forward(map)?;
            objectness.push(logits);
            offsets.push(boxes);
        }
        Ok(Proposals {
            of_level: anchors.iter().map(|level| level.size()[0]).collect(),
            anchors: Tensor::f_cat(&anchors, 0)?,
            objectness: Tensor::f_cat(&objectness, 1)?,
            offsets: Tensor::f_cat(&offsets, 1)?,
        })
    }

    /// What is said of every anchor as nodes of a graph: logits `(image, anchor)` and offsets `(image, anchor, 4)`.
    pub(crate) fn trace(
        &self,
        graph: &mut OnnxGraph,
        pyramid: &[Value],
    ) -> Result<[Value; 2], DetectError> {
        let mut levels = [Vec::new(), Vec::new()];
        for map in pyramid {
            for (all, of_level) in levels.iter_mut().zip(self.head.trace(graph, map)?) {
                all.push(of_level);
            }
        }
        Ok(levels.map(|all| {
            let all: Vec<&Value> = all.iter().collect();
            graph.node("Concat", &all, &[("axis", Attribute::Int(1))])
        }))
    }

    /// The best boxes `(n, 4)` of each image, best first, without gradient.
    ///
    /// # Errors
    /// [`DetectError::Torch`] from libtorch.
    pub fn select(
        &self,
        proposals: &Proposals,
        images: &Images,
        train: bool,
    ) -> Result<Vec<Tensor>, DetectError> {
        select::select(&self.config, proposals, images, train)
    }

    /// How far the network is from the objects, one `rng` for each image.
    ///
    /// # Errors
    /// [`DetectError::Torch`] from libtorch.
    pub fn losses(
        &self,
        proposals: &Proposals,
        instances: &[Instances],
        rngs: &mut [impl Rng],
    ) -> Result<ProposalLosses, DetectError> {
        let matcher = Matcher {
            positive_iou: self.config.positive_iou,
            negative_iou: self.config.negative_iou,
            keep_best: true,
        };
        let sampling = Sampling {
            boxes: self.config.sampled,
            positive_share: self.config.positive_share,
        };
        loss::losses(proposals, instances, matcher, sampling, rngs)
    }
}
