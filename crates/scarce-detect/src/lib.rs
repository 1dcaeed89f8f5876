//! Mask R-CNN with a feature pyramid, on encoders that `scarce-mim` pre-trains.
//!
//! [`MaskRcnn`] is the whole network. Its parts are usable alone: [`boxes`], [`anchors`], [`nms`], [`roi_align`],
//! [`matching`], the feature [`pyramid`], [`proposals`] and the heads on [`regions`]. Boxes are float tensors `(n, 4)`
//! of `x1, y1, x2, y2` in pixels; every part follows torchvision's definition and its parameters bear torchvision's
//! names, so that weights trained there mean the same here. [`finetune`] trains one on images with instances, and tells what
//! it finds in others.

pub mod anchors;
pub mod boxes;
mod error;
pub mod export;
pub mod finetune;
mod instances;
mod layers;
pub mod matching;
mod network;
pub mod nms;
pub mod proposals;
pub mod pyramid;
pub mod regions;
pub mod roi_align;

pub use error::DetectError;
pub use instances::{Detections, Images, Instances};
pub use network::{DetectConfig, Losses, MaskRcnn};
