//! Grids that lie obliquely in the volume: one point at a time.

use std::ops::Range;

use glam::{DAffine3, DVec3};
use ndarray::Array3;
use rayon::prelude::*;

use super::EDGE;
use super::taps::{cubic_weights, mirrored, nearest};

/// The value `at` gives for each point inside the field of view of a source of `shape`, `outside`
/// beyond; coordinates are `(z, y, x)`. Where all three lie in `margins[0] ≤ c < n − margins[1]`,
/// `within` is asked instead, which may then leave out what only the borders need.
pub(super) fn sample<T: Copy + Send + Sync>(
    (map, shape): (DAffine3, [usize; 3]),
    onto: [usize; 3],
    margins: [f64; 2],
    outside: T,
    within: impl Fn([f64; 3]) -> T + Sync,
    at: impl Fn([f64; 3]) -> T + Sync,
) -> Vec<T> {
    let [nz, ny, nx] = onto;
    let mut values = vec![outside; nz * ny * nx];
    if shape.contains(&0) {
        return values;
    }
    let field = shape.map(|n| [-0.5 - EDGE, n as f64 - 0.5 + EDGE]);
    let inner = shape.map(|n| [margins[0] + EDGE, n as f64 - margins[1] - EDGE]);
    let zyx = |v: DVec3| [v.z, v.y, v.x];
    let step = zyx(map.matrix3.x_axis);
    values
        .par_chunks_mut(nx.max(1))
        .enumerate()
        .for_each(|(row, values)| {
            let target = DVec3::new(0.0, (row % ny) as f64, (row / ny) as f64);
            let start = zyx(map.transform_point3(target));
            let point = |x: usize| [0, 1, 2].map(|a| start[a] + step[a] * x as f64);
            let seen = run_inside(start, step, field, 0..nx);
            let easy = run_inside(start, step, inner, seen.clone());
            for x in (seen.start..easy.start).chain(easy.end..seen.end) {
                values[x] = at(point(x));
            }
            for x in easy {
                values[x] = within(point(x));
            }
        });
    values
}

/// The part of `of` whose points `start + step·x` lie inside the box; it is convex, so they lie
/// together.
fn run_inside(
    start: [f64; 3],
    step: [f64; 3],
    limits: [[f64; 2]; 3],
    of: Range<usize>,
) -> Range<usize> {
    let (mut low, mut high) = (of.start as f64, of.end as f64 - 1.0);
    for axis in 0..3 {
        let [from, to] = limits[axis].map(|limit| limit - start[axis]);
        if step[axis].abs() < 1e-12 {
            if from > 0.0 || to < 0.0 {
                return of.start..of.start;
            }
        } else {
            let (a, b) = (from / step[axis], to / step[axis]);
            low = low.max(a.min(b).ceil());
            high = high.min(a.max(b).floor());
        }
    }
    if low <= high {
        low as usize..high as usize + 1
    } else {
        of.start..of.start
    }
}

pub(super) fn nearest_voxels<T: Copy + Send + Sync>(
    voxels: &Array3<T>,
    map: DAffine3,
    onto: [usize; 3],
    outside: T,
) -> Vec<T> {
    let shape: [usize; 3] = voxels.dim().into();
    let at = |c: [f64; 3]| voxels[[0, 1, 2].map(|a| nearest(c[a], shape[a]))];
    sample((map, shape), onto, [0.0, 1.0], outside, at, at)
}

pub(super) fn linear(
    voxels: &Array3<f32>,
    map: DAffine3,
    onto: [usize; 3],
    outside: f32,
) -> Vec<f32> {
    let shape: [usize; 3] = voxels.dim().into();
    // A volume is contiguous by its own promise.
    let values = voxels.as_slice().unwrap_or_default();
    let (plane, line) = (shape[1] * shape[2], shape[2]);
    let within = |c: [f64; 3]| {
        // Positive, so that the conversion rounds down.
        let low = c.map(|c| c as u32);
        let [tz, ty, tx] = [0, 1, 2].map(|a| (c[a] - f64::from(low[a])) as f32);
        let begin = low[0] as usize * plane + low[1] as usize * line + low[2] as usize;
        let along = |begin: usize| {
            let near = &values[begin..begin + 2];
            near[0] + (near[1] - near[0]) * tx
        };
        let [a, b] = [along(begin), along(begin + line)];
        let [c, d] = [along(begin + plane), along(begin + plane + line)];
        let (front, back) = (a + (b - a) * ty, c + (d - c) * ty);
        front + (back - front) * tz
    };
    let at = |c: [f64; 3]| {
        corners(c, shape)
            .map(|(index, share)| share * f64::from(voxels[index]))
            .sum::<f64>() as f32
    };
    sample((map, shape), onto, [0.0, 1.0], outside, within, at)
}

/// The eight voxels around a point and their shares of its linear interpolation; beyond the
/// outermost centres the outermost voxels.
pub(super) fn corners(at: [f64; 3], shape: [usize; 3]) -> impl Iterator<Item = ([usize; 3], f64)> {
    let mut low = [0; 3];
    let mut share = [0.0; 3];
    for axis in 0..3 {
        let last = shape[axis] - 1;
        let c = at[axis].clamp(0.0, last as f64);
        low[axis] = c as usize;
        share[axis] = c - low[axis] as f64;
    }
    (0..8).map(move |corner: usize| {
        let mut index = low;
        let mut product = 1.0;
        for axis in 0..3 {
            if corner >> axis & 1 == 1 {
                index[axis] = (low[axis] + 1).min(shape[axis] - 1);
                product *= share[axis];
            } else {
                product *= 1.0 - share[axis];
            }
        }
        (index, product)
    })
}

/// From the spline's coefficients.
pub(super) fn cubic(
    coefficients: &Array3<f32>,
    map: DAffine3,
    onto: [usize; 3],
    outside: f32,
) -> Vec<f32> {
    let shape: [usize; 3] = coefficients.dim().into();
    let values = coefficients.as_slice().unwrap_or_default();
    let (plane, line) = (shape[1] * shape[2], shape[2]);
    let within = |c: [f64; 3]| {
        let low = c.map(|c| c as u32);
        let [wz, wy, wx] =
            [0, 1, 2].map(|a| cubic_weights(c[a] - f64::from(low[a])).map(|w| w as f32));
        let [z, y, x] = low.map(|low| low as usize - 1);
        // The four columns stay apart until the end: vector code.
        let mut columns = [0.0f32; 4];
        for (z, wz) in (z..).zip(wz) {
            for (y, wy) in (y..).zip(wy) {
                let near = &values[z * plane + y * line + x..][..4];
                let weight = wz * wy;
                for k in 0..4 {
                    columns[k] += weight * near[k];
                }
            }
        }
        (columns[0] * wx[0] + columns[1] * wx[1]) + (columns[2] * wx[2] + columns[3] * wx[3])
    };
    let at = |c: [f64; 3]| {
        let low = c.map(|c| c.floor() as isize);
        let [wz, wy, wx] = [0, 1, 2].map(|a| cubic_weights(c[a] - low[a] as f64));
        let index = |a: usize, k: usize| mirrored(low[a] - 1 + k as isize, shape[a]);
        let mut sum = 0.0;
        for (kz, wz) in wz.into_iter().enumerate() {
            for (ky, wy) in wy.into_iter().enumerate() {
                for (kx, wx) in wx.into_iter().enumerate() {
                    let voxel = coefficients[[index(0, kz), index(1, ky), index(2, kx)]];
                    sum += wz * wy * wx * f64::from(voxel);
                }
            }
        }
        sum as f32
    };
    sample((map, shape), onto, [1.0, 2.0], outside, within, at)
}
