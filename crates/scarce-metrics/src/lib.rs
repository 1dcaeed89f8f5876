//! Segmentation metrics with their conventions, empty-mask policies and intervals.
//!
//! No figure comes without its definition: a [`report::EvaluationReport`] carries convention, unit
//! and policy as text, and for each mean the interval, the number of cases, and how many were
//! undefined or penalised.
//!
//! | figure | definition |
//! | --- | --- |
//! | `dice` | 2∣A∩B∣ / (∣A∣+∣B∣) |
//! | `jaccard` | ∣A∩B∣ / ∣A∪B∣ |
//! | `precision`, `recall` | ∣A∩B∣/∣A∣, ∣A∩B∣/∣B∣ |
//! | `relative_volume_error` | (∣A∣−∣B∣)/∣B∣ |
//! | `hd`, `hd95` | largest and 95th percentile of surface distances, by [`Convention`] |
//! | `asd` | mean distance from A's surface to B's (directed, as medpy) |
//! | `assd` | mean over both directions' distances together |
//!
//! A is the prediction, B the reference. A surface is the set of voxels with a face neighbour
//! outside; the array's edge counts as outside (medpy). An axis with one voxel has no surface across
//! it: a slice alone is scored as the 2-D image it is.

mod case;
mod definition;
pub mod detection;
mod options;
mod overlap;
mod percentile;
pub mod report;
mod statistics;
mod surface;

pub use case::{METRICS, Measured, MetricsError, evaluate_case};
pub use options::{Convention, EmptyPolicy, SegmentationOptions, Unit, UnknownWord};
pub use statistics::{Summary, bca_interval};
