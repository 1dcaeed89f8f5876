//! Segmentation metrics with their conventions, empty-mask policies and intervals.
//!
//! No figure comes without its definition: a [`report::EvaluationReport`] carries convention, unit
//! and policy as text, and for each mean the interval, the number of cases, and how many were
//! undefined or penalised.
//!
//! [`segmentation`] holds the figures of label maps, each as a formula with its source.

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
