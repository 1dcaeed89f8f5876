//! What a segmentation scores against its reference.
//!
//! A is the prediction, B the reference: the voxels of one label in two label maps on one grid. Volumes and slices are
//! scored alike; an axis with one voxel is no axis, so that a slice alone is the 2-D image it is.
//!
//! # Of voxels
//!
//! | figure | definition | source |
//! | --- | --- | --- |
//! | `dice` | 2∣A∩B∣ / (∣A∣+∣B∣) | Dice 1945 |
//! | `jaccard` | ∣A∩B∣ / ∣A∪B∣ = `dice` / (2 − `dice`) | Jaccard 1912 |
//! | `precision`, `recall` | ∣A∩B∣ / ∣A∣, ∣A∩B∣ / ∣B∣ | |
//! | `volume_error` | ∣A∣ − ∣B∣, in mm³ or voxels | |
//! | `relative_volume_error` | (∣A∣ − ∣B∣) / ∣B∣ | medpy's `ravd`; Metrics Reloaded's, there in % |
//! | `boundary_iou` | ∣A′∩B′∣ / ∣A′∪B′∣, X′ the voxels of X near its boundary, by [`BoundaryWidth`] | Cheng et al. 2021, arXiv 2103.16562 |
//!
//! # Of surfaces
//!
//! ∂X is the surface of X and d(x, ∂Y) the Euclidean distance from a point x to the nearest of ∂Y, in mm or voxels. What lies beyond the
//! image is outside, so that a surface passes where a mask meets the image's edge.
//!
//! - Under [`Convention::Pooled`] and [`Convention::MaxDirected`] ∂X is the voxels of X with a face neighbour outside, and every
//!   weight w is 1.
//! - Under [`Convention::Area`] ∂X is the corners of voxels that have voxels of X and others around them, and w the area of the surface
//!   which marching cubes put there, in 2-D the length of the contour.
//!
//! | figure | definition | its names elsewhere |
//! | --- | --- | --- |
//! | `hd` | max(max d(a, ∂B), max d(b, ∂A)) | Hausdorff distance |
//! | `hd95`, pooled | 95th percentile of all d(a, ∂B) and d(b, ∂A) together | medpy `hd95` |
//! | `hd95`, max-directed | max(95th percentile of d(a, ∂B), 95th percentile of d(b, ∂A)) | MONAI `HausdorffDistanceMetric(percentile=95)`, Metrics Reloaded `hd_perc` |
//! | `hd95`, area | the same, the percentile being the least distance within which 95 % of the area lie | surface-distance `compute_robust_hausdorff` |
//! | `asd` | Σ w(a) d(a, ∂B) / Σ w(a), from the prediction alone | medpy `asd`, MONAI `SurfaceDistanceMetric`; area: surface-distance's second average |
//! | `assd` | (Σ w(a) d(a, ∂B) + Σ w(b) d(b, ∂A)) / (Σ w(a) + Σ w(b)) | medpy `assd` since 0.5, MONAI's symmetric one, Metrics Reloaded `assd` |
//! | `masd` | ½ (Σ w(a) d(a, ∂B) / Σ w(a) + Σ w(b) d(b, ∂A) / Σ w(b)) | Metrics Reloaded `masd`, medpy `assd` before 0.5 |
//! | `nsd_2mm` | (Σ w(a) where d(a, ∂B) ≤ 2 mm + Σ w(b) where d(b, ∂A) ≤ 2 mm) / (Σ w(a) + Σ w(b)) | MONAI `SurfaceDiceMetric`, Metrics Reloaded `nsd`; area: surface-distance's surface Dice (Nikolov et al. 2021, arXiv 1809.04430) |
//!
//! Percentiles are interpolated linearly as NumPy does it, but for the last. Pooled and max-directed differ in `hd95` alone; area differs in
//! all of these. What an empty mask makes of a figure says [`EmptyPolicy`].

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
