//! The whole detector.

use rand::Rng;
use scarce_mim::encoder::{Encoder, EncoderConfig, build};
use serde::{Deserialize, Serialize};
use tch::Tensor;
use tch::nn::Path;

use crate::proposals::{ProposalConfig, ProposalNetwork};
use crate::pyramid::FeaturePyramid;
use crate::regions::{RegionConfig, RegionHeads};
use crate::{DetectError, Detections, Images, Instances};

/// What a detector is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectConfig {
    /// The encoder, a convolutional one for images.
    pub encoder: EncoderConfig,
    /// Whether batch normalisation keeps the statistics that the encoder came with; batches of a few images have
    /// poor ones.
    pub frozen_norm: bool,
    /// Channels of the feature pyramid.
    pub pyramid_channels: i64,
    /// Where anything may be.
    pub proposals: ProposalConfig,
    /// What it is.
    pub regions: RegionConfig,
}

impl Default for DetectConfig {
    fn default() -> Self {
        Self {
            encoder: EncoderConfig::default(),
            frozen_norm: false,
            pyramid_channels: 256,
            proposals: ProposalConfig::default(),
            regions: RegionConfig::default(),
        }
    }
}

impl DetectConfig {
    /// Refuses what no detector can be built from.
    ///
    /// # Errors
    /// [`DetectError::Setting`], and [`DetectError::Encoder`] as [`EncoderConfig::check`].
    pub fn check(&self) -> Result<(), DetectError> {
        self.encoder.check()?;
        let refuse = |name, expected, got: String| {
            Err(DetectError::Setting {
                name,
                expected,
                got,
            })
        };
        let architecture = self.encoder.architecture;
        if architecture.is_transformer() || architecture.dimensions() != 2 {
            let got = architecture.name().to_owned();
            return refuse(
                "encoder.architecture",
                "a convolutional one for images",
                got,
            );
        }
        let (proposals, regions) = (&self.proposals, &self.regions);
        let counts = [
            ("pyramid_channels", self.pyramid_channels, 1),
            ("regions.classes", regions.classes, 2),
            ("regions.box_width", regions.box_width, 1),
            ("regions.sampled", regions.sampled as i64, 1),
            ("proposals.sampled", proposals.sampled as i64, 1),
        ];
        for (name, got, least) in counts {
            if got < least {
                let expected = if least == 2 {
                    "at least 2"
                } else {
                    "at least 1"
                };
                return refuse(name, expected, got.to_string());
            }
        }
        let shares = [
            ("proposals.suppression_iou", proposals.suppression_iou),
            ("proposals.positive_iou", proposals.positive_iou),
            ("proposals.negative_iou", proposals.negative_iou),
            ("proposals.positive_share", proposals.positive_share),
            ("regions.positive_iou", regions.positive_iou),
            ("regions.positive_share", regions.positive_share),
            ("regions.suppression_iou", regions.suppression_iou),
            ("regions.least_score", regions.least_score),
        ];
        for (name, got) in shares {
            if !(0.0..=1.0).contains(&got) {
                return refuse(name, "0 to 1", got.to_string());
            }
        }
        let positive = |values: &[f64]| values.iter().all(|v| *v > 0.0 && v.is_finite());
        if proposals.aspect_ratios.is_empty() || !positive(&proposals.aspect_ratios) {
            let got = format!("{:?}", proposals.aspect_ratios);
            return refuse("proposals.aspect_ratios", "positive numbers", got);
        }
        if !positive(&proposals.anchor_sides) {
            let got = format!("{:?}", proposals.anchor_sides);
            return refuse("proposals.anchor_sides", "positive numbers", got);
        }
        Ok(())
    }
}

/// Mask R-CNN (He et al. 2017) with a feature pyramid. Variables bear torchvision's names, `backbone.body` being the
/// encoder under timm's.
#[derive(Debug)]
pub struct MaskRcnn {
    encoder: Box<dyn Encoder>,
    pub(crate) pyramid: FeaturePyramid,
    pub(crate) proposals: ProposalNetwork,
    pub(crate) regions: RegionHeads,
    frozen_norm: bool,
    stride: i64,
}

/// The losses of a training step, each a scalar with gradient.
#[derive(Debug)]
pub struct Losses {
    /// Cross entropy of proposals and background.
    pub objectness: Tensor,
    /// Smooth L1 of the proposals' offsets.
    pub proposal_boxes: Tensor,
    /// Cross entropy over the classes.
    pub classes: Tensor,
    /// Smooth L1 of the offsets.
    pub boxes: Tensor,
    /// Binary cross entropy of the masks; none without masks.
    pub masks: Option<Tensor>,
}

impl Losses {
    /// All, by torchvision's names.
    pub fn named(&self) -> Vec<(&'static str, &Tensor)> {
        let mut named = vec![
            ("loss_objectness", &self.objectness),
            ("loss_rpn_box_reg", &self.proposal_boxes),
            ("loss_classifier", &self.classes),
            ("loss_box_reg", &self.boxes),
        ];
        named.extend(self.masks.as_ref().map(|masks| ("loss_mask", masks)));
        named
    }

    /// Their sum.
    pub fn total(&self) -> Tensor {
        let of_boxes = &self.objectness + &self.proposal_boxes + &self.classes + &self.boxes;
        match &self.masks {
            Some(masks) => of_boxes + masks,
            None => of_boxes,
        }
    }
}

impl MaskRcnn {
    /// Draws the variables from libtorch's generator.
    ///
    /// # Errors
    /// As [`DetectConfig::check`]; [`DetectError::Setting`] unless there is an anchor side for each of the encoder's maps
    /// and one more.
    pub fn new(path: &Path<'_>, config: &DetectConfig) -> Result<Self, DetectError> {
        config.check()?;
        let backbone = path / "backbone";
        let encoder = build(&(&backbone / "body"), &config.encoder)?;
        if config.proposals.anchor_sides.len() != encoder.maps().len() + 1 {
            return Err(DetectError::Setting {
                name: "proposals.anchor_sides",
                expected: "one for each of the encoder's maps, and one more",
                got: format!("{:?}", config.proposals.anchor_sides),
            });
        }
        let channels = config.pyramid_channels;
        Ok(Self {
            pyramid: FeaturePyramid::new(&(&backbone / "fpn"), encoder.maps(), channels),
            proposals: ProposalNetwork::new(&(path / "rpn"), channels, &config.proposals),
            regions: RegionHeads::new(&(path / "roi_heads"), channels, &config.regions),
            frozen_norm: config.frozen_norm,
            stride: config.encoder.stride() as i64,
            encoder,
        })
    }

    /// What is found in `images`, in their pixels.
    ///
    /// # Errors
    /// [`DetectError::Shape`] for images that do not fit the network.
    pub fn detect(&self, images: &Images) -> Result<Vec<Detections>, DetectError> {
        let _guard = tch::no_grad_guard();
        let pyramid = self.maps(images, false)?;
        let found = self.proposals.forward(&pyramid, images)?;
        let boxes = self.proposals.select(&found, images, false)?;
        self.regions.detect(&pyramid, images, &boxes)
    }

    /// How far the network is from the `instances` of each image; the boxes to learn from are drawn with one of `rngs`
    /// for each image.
    ///
    /// # Errors
    /// [`DetectError::Shape`] for images that do not fit the network, [`DetectError::Box`] for a box without area.
    pub fn losses(
        &self,
        images: &Images,
        instances: &[Instances],
        rngs: &mut [impl Rng],
    ) -> Result<Losses, DetectError> {
        let count = images.check()?;
        if instances.len() != count || rngs.len() != count {
            return Err(DetectError::Shape {
                what: "instances",
                expected: "those of each image, and a generator for it",
                got: vec![instances.len() as i64, rngs.len() as i64],
            });
        }
        for objects in instances {
            objects.check()?;
        }
        let pyramid = self.maps(images, true)?;
        let found = self.proposals.forward(&pyramid, images)?;
        let boxes = self.proposals.select(&found, images, true)?;
        let of_proposals = self.proposals.losses(&found, instances, rngs)?;
        let of_regions = (self.regions).losses(&pyramid, images, &boxes, instances, rngs)?;
        Ok(Losses {
            objectness: of_proposals.objectness,
            proposal_boxes: of_proposals.boxes,
            classes: of_regions.classes,
            boxes: of_regions.boxes,
            masks: of_regions.masks,
        })
    }

    /// The encoder.
    pub fn encoder(&self) -> &dyn Encoder {
        self.encoder.as_ref()
    }

    pub(crate) fn maps(&self, images: &Images, train: bool) -> Result<Vec<Tensor>, DetectError> {
        images.check()?;
        let (_, _, height, width) = images.pixels.size4()?;
        if height % self.stride != 0 || width % self.stride != 0 {
            return Err(DetectError::Shape {
                what: "images",
                expected: "sides that the encoder's stride divides",
                got: images.pixels.size(),
            });
        }
        let maps = (self.encoder).forward(&images.pixels, None, train && !self.frozen_norm)?;
        self.pyramid.forward(&maps)
    }
}
