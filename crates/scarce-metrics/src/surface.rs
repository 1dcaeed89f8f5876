//! Distances between the surfaces of two masks.

use ndarray::{Array3, ArrayView3, Axis, Slice};
use scarce_image::distance_transform;

use crate::Convention;
use crate::percentile::percentile;

/// Distances from each surface voxel of one mask to the nearest of the other, sorted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SurfaceDistances {
    reference_from_prediction: Vec<f64>,
    prediction_from_reference: Vec<f64>,
}

impl SurfaceDistances {
    /// `None` when a mask is empty.
    pub(crate) fn of(
        prediction: ArrayView3<'_, bool>,
        reference: ArrayView3<'_, bool>,
        spacing_zyx: [f64; 3],
    ) -> Option<Self> {
        // Nothing outside the box round both masks is nearer than what is inside it.
        let bounds = joint_bounds(prediction, reference)?;
        let axes = axes_with_extent(prediction.dim().into());
        let crop = |mask: ArrayView3<'_, bool>| {
            let inside = mask.slice_each_axis(|axis| {
                let [first, last] = bounds[axis.axis.index()];
                Slice::from(first..=last)
            });
            border(inside, axes)
        };
        let (a, b) = (crop(prediction), crop(reference));
        if !a.iter().any(|v| *v) || !b.iter().any(|v| *v) {
            return None;
        }
        let directed = |from: &Array3<bool>, to: &Array3<bool>| {
            let distances = distance_transform(to.map(|v| !v).view(), spacing_zyx);
            let mut values: Vec<f64> = from
                .iter()
                .zip(&distances)
                .filter_map(|(v, d)| v.then_some(*d))
                .collect();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        Some(Self {
            reference_from_prediction: directed(&a, &b),
            prediction_from_reference: directed(&b, &a),
        })
    }

    /// The percentile (0 to 100) under a convention; 100 is the Hausdorff distance under both.
    pub(crate) fn percentile(&self, percent: f64, convention: Convention) -> f64 {
        let (a, b) = (
            &self.reference_from_prediction,
            &self.prediction_from_reference,
        );
        match convention {
            Convention::MaxDirected => percentile(a, percent).max(percentile(b, percent)),
            Convention::Pooled => {
                let mut all: Vec<f64> = a.iter().chain(b).copied().collect();
                all.sort_unstable_by(f64::total_cmp);
                percentile(&all, percent)
            }
        }
    }

    /// Mean distance from the prediction's surface to the reference's.
    pub(crate) fn directed_mean(&self) -> f64 {
        let a = &self.reference_from_prediction;
        a.iter().sum::<f64>() / a.len() as f64
    }

    /// Mean of both directions' distances together.
    pub(crate) fn symmetric_mean(&self) -> f64 {
        let (a, b) = (
            &self.reference_from_prediction,
            &self.prediction_from_reference,
        );
        (a.iter().sum::<f64>() + b.iter().sum::<f64>()) / (a.len() + b.len()) as f64
    }
}

/// The axes along which a surface can be left. A slice alone is a 2-D image: its one layer has no
/// neighbours above and below, and counting them as outside would make every pixel a surface.
fn axes_with_extent(shape_zyx: [usize; 3]) -> [bool; 3] {
    let extended = shape_zyx.map(|n| n > 1);
    if extended.contains(&true) {
        extended
    } else {
        [true; 3]
    }
}

/// Voxels with a face neighbour outside along one of the `axes`. Cropping to the masks' box makes no
/// new border: what lies at the box's face has nothing of its mask beyond.
fn border(mask: ArrayView3<'_, bool>, axes: [bool; 3]) -> Array3<bool> {
    let mut border = Array3::from_elem(mask.raw_dim(), false);
    for ((z, y, x), inside) in mask.indexed_iter() {
        if *inside {
            let at = [z, y, x];
            border[at] = (0..3).filter(|axis| axes[*axis]).any(|axis| {
                let neighbour = |step: isize| {
                    let mut to = at;
                    to[axis] = to[axis].checked_add_signed(step)?;
                    mask.get(to).copied()
                };
                neighbour(-1) != Some(true) || neighbour(1) != Some(true)
            });
        }
    }
    border
}

/// First and last index along each axis where either mask is set, in one pass along memory.
fn joint_bounds(a: ArrayView3<'_, bool>, b: ArrayView3<'_, bool>) -> Option<[[usize; 2]; 3]> {
    let mut bounds: Option<[[usize; 2]; 3]> = None;
    let (_, ny, nx) = a.dim();
    let rows = a.lanes(Axis(2)).into_iter().zip(b.lanes(Axis(2)));
    for (k, (a, b)) in rows.enumerate() {
        let occupied = |x: &usize| a[*x] || b[*x];
        let Some(first) = (0..nx).find(occupied) else {
            continue;
        };
        let last = (first..nx).rev().find(occupied).unwrap_or(first);
        let row = [[k / ny, k / ny], [k % ny, k % ny], [first, last]];
        bounds = Some(bounds.map_or(row, |old| {
            [0, 1, 2].map(|axis| {
                let ([low, high], [row_low, row_high]) = (old[axis], row[axis]);
                [low.min(row_low), high.max(row_high)]
            })
        }));
    }
    bounds
}
