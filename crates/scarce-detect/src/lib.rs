//! The parts of Mask R-CNN: boxes, anchors, non-maximum suppression, region pooling.
//!
//! Boxes are float tensors `(n, 4)` of `x1, y1, x2, y2` in pixels; every part follows torchvision's
//! definition, so that weights trained there mean the same here.

pub mod anchors;
pub mod boxes;
mod error;
pub mod nms;
pub mod regions;
pub mod roi_align;

pub use error::DetectError;
