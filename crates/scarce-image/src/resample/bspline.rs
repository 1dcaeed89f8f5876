//! The cubic B-spline through given values: its coefficients.
//!
//! Unser, Aldroubi & Eden 1993: a recursive filter along each axis, forth and back, with one pole;
//! the values are mirrored at the outermost centres.

use ndarray::parallel::prelude::*;
use ndarray::{Array3, Axis};

use super::taps::mirrored;

/// √3 − 2.
const POLE: f64 = -0.267_949_192_431_122_7;
/// (1 − pole)·(1 − 1/pole).
const GAIN: f64 = 6.0;
/// Where the pole's powers are nothing beside 1 in single precision.
const HORIZON: usize = 24;
/// Lines along x that are filtered side by side: vector code in spite of the recursion.
const LANES: usize = 16;

/// The coefficients whose spline takes the values of `voxels` at the voxel centres: SciPy's
/// `spline_filter(voxels, order=3, mode="mirror")`.
pub(super) fn coefficients(voxels: &Array3<f32>) -> Array3<f32> {
    let (nz, ny, nx) = voxels.dim();
    let mut out = Array3::zeros(voxels.raw_dim());
    if out.is_empty() {
        return out;
    }
    let [start_z, start_y, start_x] = [nz, ny, nx].map(start_weights);
    // x and y while a slice is in cache.
    out.axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(voxels.axis_iter(Axis(0)))
        .for_each_init(
            || (vec![[0.0; LANES]; nx], Vec::new()),
            |(lines, first), (slice, from)| {
                // Slices of C-order arrays are contiguous.
                let (Some(slice), Some(from)) = (slice.into_slice(), from.to_slice()) else {
                    return;
                };
                let blocks = slice.chunks_mut(nx * LANES).zip(from.chunks(nx * LANES));
                for (block, from) in blocks {
                    filter_rows_of(block, from, lines, &start_x);
                }
                let mut rows: Vec<&mut [f32]> = slice.chunks_mut(nx).collect();
                filter_across(&mut rows, &start_y, first);
            },
        );
    if nz > 1 {
        out.axis_iter_mut(Axis(1))
            .into_par_iter()
            .for_each_init(Vec::new, |first, sheet| {
                let mut rows: Vec<&mut [f32]> = sheet
                    .into_outer_iter_mut()
                    .filter_map(ndarray::ArrayViewMut1::into_slice)
                    .collect();
                filter_across(&mut rows, &start_z, first);
            });
    }
    out
}

/// What the forward filter starts with, as weights of the line's first values: the sum of the
/// pole's powers over the endlessly mirrored line.
fn start_weights(n: usize) -> Vec<f32> {
    let period = 2 * n.max(2) - 2;
    let terms = period.min(2 * HORIZON);
    let mut weights = vec![0.0; n.min(HORIZON)];
    for k in 0..terms {
        if let Some(weight) = weights.get_mut(mirrored(k as isize, n)) {
            *weight += POLE.powi(k as i32);
        }
    }
    let all = 1.0 - POLE.powi(period as i32);
    weights.iter().map(|w| (GAIN * w / all) as f32).collect()
}

/// What the backward filter starts with, as a factor of the last value and the pole's of the last
/// but one.
const TURN: f32 = (POLE / (POLE * POLE - 1.0)) as f32;
const POLE_F32: f32 = POLE as f32;
const GAIN_F32: f32 = GAIN as f32;

/// Filters along the list of equally long rows, all columns side by side.
fn filter_across(rows: &mut [&mut [f32]], start: &[f32], first: &mut Vec<f32>) {
    let n = rows.len();
    if n < 2 {
        return;
    }
    first.clear();
    first.resize(rows[0].len(), 0.0);
    for (row, weight) in rows.iter().zip(start) {
        for (sum, value) in first.iter_mut().zip(row.iter()) {
            *sum += weight * value;
        }
    }
    rows[0].copy_from_slice(first);
    for k in 1..n {
        let (before, from) = rows.split_at_mut(k);
        for (value, previous) in from[0].iter_mut().zip(before[k - 1].iter()) {
            *value = GAIN_F32 * *value + POLE_F32 * previous;
        }
    }
    let (before, last) = rows.split_at_mut(n - 1);
    for (value, previous) in last[0].iter_mut().zip(before[n - 2].iter()) {
        *value = TURN * (*value + POLE_F32 * previous);
    }
    for k in (0..n - 1).rev() {
        let (to, after) = rows.split_at_mut(k + 1);
        for (value, next) in to[k].iter_mut().zip(after[0].iter()) {
            *value = POLE_F32 * (next - *value);
        }
    }
}

/// Filters each of at most [`LANES`] rows of `from` along itself into `to`, by way of `lines`, where
/// the rows lie side by side.
fn filter_rows_of(to: &mut [f32], from: &[f32], lines: &mut [[f32; LANES]], start: &[f32]) {
    let n = lines.len();
    if n < 2 {
        to.copy_from_slice(from);
        return;
    }
    for (lane, row) in from.chunks_exact(n).enumerate() {
        for (line, value) in lines.iter_mut().zip(row) {
            line[lane] = *value;
        }
    }
    let mut state = [0.0; LANES];
    for (line, weight) in lines.iter().zip(start) {
        for lane in 0..LANES {
            state[lane] += weight * line[lane];
        }
    }
    lines[0] = state;
    for line in &mut lines[1..] {
        for lane in 0..LANES {
            state[lane] = GAIN_F32 * line[lane] + POLE_F32 * state[lane];
        }
        *line = state;
    }
    let before = lines[n - 2];
    for lane in 0..LANES {
        state[lane] = TURN * (state[lane] + POLE_F32 * before[lane]);
    }
    lines[n - 1] = state;
    for line in lines[..n - 1].iter_mut().rev() {
        for lane in 0..LANES {
            state[lane] = POLE_F32 * (state[lane] - line[lane]);
        }
        *line = state;
    }
    for (lane, row) in to.chunks_exact_mut(n).enumerate() {
        for (value, line) in row.iter_mut().zip(lines.iter()) {
            *value = line[lane];
        }
    }
}
