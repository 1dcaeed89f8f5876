//! Resizing with a triangle filter that widens where pixels get fewer.

use ndarray::{Array2, Array3, ArrayView1, ArrayView2, ArrayView3, Axis};

use super::PlaneWindow;

/// The window of `pixels` `(channel, y, x)` at `size_yx`: what Pillow's `resize` with `BILINEAR` and a `box`
/// makes of a picture of floats. Where pixels get fewer, each new one is a mean of all that it covers.
///
/// What a window has beyond the plane is left out of these means; a window that lies outside gives zeros.
pub fn resize_plane(
    pixels: ArrayView3<'_, f32>,
    window: PlaneWindow,
    size_yx: [usize; 2],
) -> Array3<f32> {
    let [down, across] = [0, 1].map(|a| {
        let old = pixels.len_of(Axis(a + 1));
        taps(old, window.start_yx[a], window.size_yx[a], size_yx[a])
    });
    along(along(pixels, 2, &across).view(), 1, &down)
}

/// The window of `plane` `(y, x)` at `size_yx`, each new pixel the one that its centre lies in: for masks and labels.
/// Centres beyond the plane take its nearest pixel.
///
/// An empty plane gives `outside`.
pub fn resize_plane_nearest<T: Copy>(
    plane: ArrayView2<'_, T>,
    window: PlaneWindow,
    size_yx: [usize; 2],
    outside: T,
) -> Array2<T> {
    let [rows, columns] = [0, 1].map(|a| {
        let last = plane.len_of(Axis(a)).saturating_sub(1);
        let scale = window.size_yx[a] / size_yx[a] as f64;
        let nearest = |k: usize| {
            let at = window.start_yx[a] + (k as f64 + 0.5) * scale;
            (at.max(0.0) as usize).min(last)
        };
        (0..size_yx[a]).map(nearest).collect::<Vec<_>>()
    });
    Array2::from_shape_fn(size_yx, |(y, x)| {
        plane.get([rows[y], columns[x]]).copied().unwrap_or(outside)
    })
}

/// The window of a mask `(y, x)` at `size_yx`, inside where any pixel that a new one covers, in part at least, is
/// inside: a small region outlives shrinking.
pub fn resize_plane_any(
    mask: ArrayView2<'_, bool>,
    window: PlaneWindow,
    size_yx: [usize; 2],
) -> Array2<bool> {
    let [rows, columns] = [0, 1].map(|a| {
        let scale = window.size_yx[a] / size_yx[a] as f64;
        let covered = |k: usize| {
            let from = window.start_yx[a] + k as f64 * scale;
            // A hair's breadth into the next pixel is rounding.
            let first = (from + 1e-6).max(0.0) as usize;
            let end = (from + scale - 1e-6).max(0.0).ceil() as usize;
            first..end.min(mask.len_of(Axis(a)))
        };
        (0..size_yx[a]).map(covered).collect::<Vec<_>>()
    });
    Array2::from_shape_fn(size_yx, |(y, x)| {
        rows[y]
            .clone()
            .any(|row| columns[x].clone().any(|column| mask[[row, column]]))
    })
}

/// Which old pixels make a new one, and how much of each.
struct Tap {
    first: usize,
    weights: Vec<f32>,
}

fn taps(old: usize, start: f64, length: f64, new: usize) -> Vec<Tap> {
    let scale = length / new as f64;
    let reach = scale.max(1.0);
    (0..new)
        .map(|k| {
            let centre = start + (k as f64 + 0.5) * scale;
            let first = (centre - reach + 0.5).max(0.0) as usize;
            let end = ((centre + reach + 0.5).max(0.0) as usize).min(old);
            let weight = |at: usize| (1.0 - ((at as f64 + 0.5 - centre) / reach).abs()).max(0.0);
            let total: f64 = (first..end).map(weight).sum();
            let share = |at| if total > 0.0 { weight(at) / total } else { 0.0 };
            Tap {
                first,
                weights: (first..end).map(|at| share(at) as f32).collect(),
            }
        })
        .collect()
}

fn along(pixels: ArrayView3<'_, f32>, axis: usize, taps: &[Tap]) -> Array3<f32> {
    let mut shape: [usize; 3] = pixels.dim().into();
    shape[axis] = taps.len();
    let mut made = Array3::zeros(shape);
    let lanes = pixels.lanes(Axis(axis)).into_iter();
    for (mut lane, old) in made.lanes_mut(Axis(axis)).into_iter().zip(lanes) {
        for (value, tap) in lane.iter_mut().zip(taps) {
            *value = weigh(tap, old);
        }
    }
    made
}

fn weigh(tap: &Tap, old: ArrayView1<'_, f32>) -> f32 {
    let values = old.iter().skip(tap.first);
    tap.weights.iter().zip(values).map(|(w, v)| w * v).sum()
}
