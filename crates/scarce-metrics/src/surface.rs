//! Distances between the surfaces of two masks.

use ndarray::{Array3, ArrayView3, Axis, Slice};
use scarce_image::distance_transform;

use crate::Convention;

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
        let crop = |mask: ArrayView3<'_, bool>| {
            let inside = mask.slice_each_axis(|axis| {
                let [first, last] = bounds[axis.axis.index()];
                Slice::from(first..=last)
            });
            border(inside)
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

/// NumPy's `percentile` with linear interpolation, of sorted values.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = percent / 100.0 * (sorted.len() - 1) as f64;
    let (low, high) = (rank.floor() as usize, rank.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (rank - low as f64)
}

/// Voxels with a face neighbour outside. Cropping to the masks' box makes no new border: what lies
/// at the box's face has nothing of its mask beyond.
fn border(mask: ArrayView3<'_, bool>) -> Array3<bool> {
    let mut border = Array3::from_elem(mask.raw_dim(), false);
    for ((z, y, x), inside) in mask.indexed_iter() {
        if *inside {
            let at = [z, y, x];
            border[at] = (0..3).any(|axis| {
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

/// First and last index along each axis where either mask is set.
fn joint_bounds(a: ArrayView3<'_, bool>, b: ArrayView3<'_, bool>) -> Option<[[usize; 2]; 3]> {
    let mut bounds = [[0; 2]; 3];
    for (axis, bound) in bounds.iter_mut().enumerate() {
        let occupied = |index: &usize| {
            let slab =
                |m: &ArrayView3<'_, bool>| m.index_axis(Axis(axis), *index).iter().any(|v| *v);
            slab(&a) || slab(&b)
        };
        let n = a.len_of(Axis(axis));
        *bound = [(0..n).find(occupied)?, (0..n).rev().find(occupied)?];
    }
    Some(bounds)
}
