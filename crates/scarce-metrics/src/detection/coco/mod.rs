//! COCO's two files: the ground truth with its images, annotations and categories, and a list of detections.
//!
//! They are read from and written to bytes; fields that scoring has no use for are passed over.

mod dataset;
mod detection;
mod error;
mod fields;
mod json;
mod segmentation;

pub use dataset::{CocoAnnotation, CocoCategory, CocoDataset, CocoImage};
pub use detection::{CocoDetection, detections_from_json, detections_to_json};
pub use error::{CocoError, Record};
pub use segmentation::{Counts, EncodedMask, Segmentation};
