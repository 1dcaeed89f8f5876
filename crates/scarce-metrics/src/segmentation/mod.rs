//! What a segmentation scores against its reference.

mod bits;
mod boundary;
mod case;
mod census;
pub(crate) mod definition;
mod empty;
mod metric;
mod options;
mod overlap;
mod surface;

pub use case::{MetricsError, evaluate_case, evaluate_labels, evaluate_masks};
pub use empty::Measured;
pub use metric::{METRICS, Metric};
pub use options::{BoundaryWidth, Convention, EmptyPolicy, SegmentationOptions, Unit, UnknownWord};
