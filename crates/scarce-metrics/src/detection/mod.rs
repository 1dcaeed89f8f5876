//! Detection.

pub mod coco;
pub mod froc;
pub mod rle;

mod bootstrap;
mod curve;
mod definition;
mod evaluation;
mod figure;
mod images;
mod matching;
mod options;
mod region;
mod report;

pub use coco::{CocoDataset, CocoDetection, CocoError};
pub use evaluation::DetectionEvaluation;
pub use options::{AreaRange, DetectionArea, DetectionOptions, Overlap};
pub use report::{CategoryReport, DetectionReport, detection_report};
pub use rle::Rle;
