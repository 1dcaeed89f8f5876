//! Moments of two images over every window that lies within them.

use std::collections::VecDeque;
use std::ops::Range;

use ndarray::{ArrayView, ArrayView3, Axis, Dimension, Ix3};
use rayon::prelude::*;

use super::ReconstructionError;

/// Weighted means over a window: of a, b, a² + b², and ab.
type Moments = [f64; 4];

/// The same for many windows.
type Fields = [Vec<f64>; 4];

/// Two images as planes `(plane, row, x)`: of a volume `(z, y, x)`, of an image `(y, 1, x)`.
pub(super) struct WindowedPair<'a, T> {
    pub(super) a: ArrayView3<'a, T>,
    pub(super) b: ArrayView3<'a, T>,
    /// Of the window along each axis longer than 1; an odd number, no longer than the axes.
    pub(super) weights: &'a [f64],
}

/// A volume as it is, an image with its rows as planes.
pub(super) fn planes<T, D: Dimension>(
    array: ArrayView<'_, T, D>,
) -> Result<ArrayView3<'_, T>, ReconstructionError> {
    let n_axes = array.ndim();
    let mut array = array.into_dyn();
    if n_axes == 2 {
        array = array.insert_axis(Axis(1));
    }
    array
        .into_dimensionality::<Ix3>()
        .map_err(|_| ReconstructionError::Axes { n_axes })
}

impl<T: Copy + Into<f64> + Sync> WindowedPair<'_, T> {
    /// The mean over all windows of what `of` makes of each one's moments. Each plane is summed by
    /// itself and the planes in order, so threads make no difference.
    pub(super) fn mean(&self, of: impl Fn(Moments) -> f64 + Sync) -> f64 {
        let (planes, rows, columns) = self.windows();
        // Each block repeats its neighbour's last planes, so there are no more of them than threads.
        let block = planes
            .div_ceil(rayon::current_num_threads())
            .max(self.weights.len());
        let starts: Vec<usize> = (0..planes).step_by(block).collect();
        let sums: Vec<Vec<f64>> = starts
            .into_par_iter()
            .map(|start| self.sums(start..(start + block).min(planes), &of))
            .collect();
        sums.into_iter().flatten().sum::<f64>() / (planes * rows * columns) as f64
    }

    /// How many windows there are along each axis.
    fn windows(&self) -> (usize, usize, usize) {
        let (planes, rows, columns) = self.a.dim();
        let side = self.weights.len();
        let rows = if rows == 1 { 1 } else { rows + 1 - side };
        (planes + 1 - side, rows, columns + 1 - side)
    }

    /// One sum for each plane of windows.
    fn sums(&self, planes: Range<usize>, of: &impl Fn(Moments) -> f64) -> Vec<f64> {
        let side = self.weights.len();
        let (_, rows, columns) = self.windows();
        let mut scratch = fields_of(self.a.dim().1 * columns);
        let mut plane = fields_of(rows * columns);
        let mut filtered: VecDeque<Fields> = VecDeque::with_capacity(side);
        let mut sums = Vec::with_capacity(planes.len());
        for last in planes.start..planes.end + side - 1 {
            let mut fields = if filtered.len() == side {
                filtered.pop_front().unwrap_or_default()
            } else {
                fields_of(rows * columns)
            };
            self.filter_plane(last, &mut scratch, &mut fields);
            filtered.push_back(fields);
            if filtered.len() < side {
                continue;
            }
            for (moment, out) in plane.iter_mut().enumerate() {
                let inputs = filtered.iter().map(|fields| fields[moment].as_slice());
                weighted_sum(out, inputs.zip(self.weights));
            }
            let [a, b, squares, product] = &plane;
            let windows = a.iter().zip(b).zip(squares.iter().zip(product));
            sums.push(windows.map(|((a, b), (s, p))| of([*a, *b, *s, *p])).sum());
        }
        sums
    }

    /// Along x, then along the rows. `scratch` takes what lies between.
    fn filter_plane(&self, plane: usize, scratch: &mut Fields, out: &mut Fields) {
        let side = self.weights.len();
        let (_, rows, columns) = self.windows();
        let (a, b) = (
            self.a.index_axis(Axis(0), plane),
            self.b.index_axis(Axis(0), plane),
        );
        for (y, (a, b)) in a.rows().into_iter().zip(b.rows()).enumerate() {
            let values: [Vec<f64>; 2] = [a, b].map(|row| row.iter().map(|v| (*v).into()).collect());
            let [a, b] = &values;
            let pairs = || a.iter().zip(b);
            let squares: Vec<f64> = pairs().map(|(a, b)| a * a + b * b).collect();
            let product: Vec<f64> = pairs().map(|(a, b)| a * b).collect();
            for (field, row) in scratch.iter_mut().zip([a, b, &squares, &product]) {
                let shifted = (0..side).map(|k| &row[k..k + columns]);
                let out = &mut field[y * columns..(y + 1) * columns];
                weighted_sum(out, shifted.zip(self.weights));
            }
        }
        for (field, out) in scratch.iter().zip(out) {
            if self.a.dim().1 == 1 {
                out.copy_from_slice(field);
                continue;
            }
            for (y, out) in out.chunks_exact_mut(columns).take(rows).enumerate() {
                let below = (y..y + side).map(|y| &field[y * columns..(y + 1) * columns]);
                weighted_sum(out, below.zip(self.weights));
            }
        }
    }
}

fn fields_of(length: usize) -> Fields {
    std::array::from_fn(|_| vec![0.0; length])
}

/// Row after row, so that the compiler can work on several pixels at once.
fn weighted_sum<'a>(out: &mut [f64], inputs: impl Iterator<Item = (&'a [f64], &'a f64)>) {
    for (index, (input, weight)) in inputs.enumerate() {
        if index == 0 {
            for (out, value) in out.iter_mut().zip(input) {
                *out = weight * value;
            }
        } else {
            for (out, value) in out.iter_mut().zip(input) {
                *out += weight * value;
            }
        }
    }
}
