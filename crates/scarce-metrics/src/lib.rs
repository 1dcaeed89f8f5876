//! Figures one can publish: their conventions, what they make of empty masks, and their intervals.
//!
//! No figure comes without its definition: a [`report::EvaluationReport`] carries convention, unit
//! and policy as text, and for each mean the interval, the number of cases, and how many were
//! undefined or penalised.
//!
//! | module | figures of |
//! | --- | --- |
//! | [`segmentation`] | label maps: overlaps, surface distances in three conventions, empty-mask policies |
//! | [`classification`] | classes and scores, as scikit-learn defines them |
//! | [`detection`] | boxes and masks, as COCO defines them, and FROC |
//! | [`reconstruction`] | images against images: PSNR and SSIM |
//! | [`statistics`] | intervals of means, runs against runs |
//! | [`linter`] | published tables that no cases could have made |
//!
//! The pages of the modules give each figure as a formula with its source. The crate reads no file
//! and no clock, and what it draws is a function of a seed.

pub mod classification;
pub mod detection;
pub mod linter;
pub mod reconstruction;
pub mod report;
pub mod segmentation;
pub mod statistics;

use segmentation::definition;
pub use segmentation::{
    BoundaryWidth, Convention, EmptyPolicy, METRICS, Measured, Metric, MetricsError,
    SegmentationOptions, Unit, UnknownWord, evaluate_case, evaluate_labels, evaluate_masks,
};
pub use statistics::{Summary, bca_interval};
