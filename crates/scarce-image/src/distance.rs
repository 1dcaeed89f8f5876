//! The exact Euclidean distance transform with anisotropic spacing.

use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView1, ArrayView3, ArrayViewMut1, Axis};

/// For each `true` voxel the distance to the nearest `false` one in mm, 0 at `false` voxels, as
/// SciPy's `distance_transform_edt(inside, sampling=spacing_mm_zyx)`. Without any `false` voxel all
/// are infinite.
///
/// Felzenszwalb & Huttenlocher 2012: lower envelopes of parabolas, axis by axis, in parallel.
///
/// ```
/// use ndarray::Array3;
/// use scarce_image::distance_transform;
///
/// let mut inside = Array3::from_elem((1, 1, 5), true);
/// inside[[0, 0, 0]] = false;
/// let distance_mm = distance_transform(inside.view(), [1.0, 1.0, 0.5]);
/// assert_eq!(distance_mm.as_slice(), Some(&[0.0, 0.5, 1.0, 1.5, 2.0][..]));
/// ```
pub fn distance_transform(inside: ArrayView3<'_, bool>, spacing_mm_zyx: [f64; 3]) -> Array3<f64> {
    transform(inside, spacing_mm_zyx)
}

/// [`distance_transform`] in single precision: half the memory, distances to 1e-6 of their size.
pub fn distance_transform_f32(
    inside: ArrayView3<'_, bool>,
    spacing_mm_zyx: [f64; 3],
) -> Array3<f32> {
    transform(inside, spacing_mm_zyx)
}

/// What distances are stored as; they are computed in f64.
trait Stored: Copy + Send + Sync {
    fn store(value: f64) -> Self;
    fn load(self) -> f64;
}

impl Stored for f64 {
    fn store(value: f64) -> Self {
        value
    }
    fn load(self) -> f64 {
        self
    }
}

impl Stored for f32 {
    fn store(value: f64) -> Self {
        value as f32
    }
    fn load(self) -> f64 {
        f64::from(self)
    }
}

fn transform<T: Stored>(inside: ArrayView3<'_, bool>, spacing_mm_zyx: [f64; 3]) -> Array3<T> {
    let [spacing_z, spacing_y, spacing_x] = spacing_mm_zyx;
    let (nz, ny, _) = inside.dim();
    let mut squared = Array3::from_elem(inside.raw_dim(), T::store(0.0));
    // x and y while a slice is in cache.
    squared
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(inside.axis_iter(Axis(0)))
        .for_each_init(
            || Columns::new(ny, spacing_y),
            |columns, (slice, inside)| {
                let mut rows: Vec<&mut [T]> = slice
                    .into_outer_iter_mut()
                    .filter_map(ArrayViewMut1::into_slice)
                    .collect();
                for (row, inside) in rows.iter_mut().zip(inside.rows()) {
                    along_row(row, inside, spacing_x);
                }
                columns.transform(&mut rows, |squared| squared);
            },
        );
    squared
        .axis_iter_mut(Axis(1))
        .into_par_iter()
        .for_each_init(
            || Columns::new(nz, spacing_z),
            |columns, sheet| {
                let mut rows: Vec<&mut [T]> = sheet
                    .into_outer_iter_mut()
                    .filter_map(ArrayViewMut1::into_slice)
                    .collect();
                columns.transform(&mut rows, f64::sqrt);
            },
        );
    squared
}

/// The squared distances within one row, where nothing but the ends of each run counts.
fn along_row<T: Stored>(row: &mut [T], inside: ArrayView1<'_, bool>, spacing: f64) {
    let n = row.len();
    let mut fill = |begin: usize, end: usize| {
        for (i, value) in row.iter_mut().enumerate().take(end).skip(begin) {
            let before = if begin > 0 { i + 1 - begin } else { usize::MAX };
            let after = if end < n { end - i } else { usize::MAX };
            let steps = before.min(after);
            *value = T::store(if steps == usize::MAX {
                f64::INFINITY
            } else {
                (steps as f64 * spacing).powi(2)
            });
        }
    };
    let mut begin = None;
    for (i, inside) in inside.iter().enumerate() {
        match (*inside, begin) {
            (true, None) => begin = Some(i),
            (false, Some(from)) => {
                fill(from, i);
                begin = None;
            }
            _ => {}
        }
    }
    if let Some(from) = begin {
        fill(from, n);
    }
}

/// How many columns are brought together in memory at a time: a cache line of `f32`.
const BLOCK: usize = 16;

/// The transform of the columns of equally long rows, with its scratch space.
struct Columns {
    /// [`BLOCK`] columns one after the other, `stride` apart.
    heights: Vec<f64>,
    stride: usize,
    envelope: Envelope,
}

impl Columns {
    fn new(length: usize, spacing: f64) -> Self {
        // Columns a power of two apart would share the few cache lines of one set.
        let stride = length + 8;
        Self {
            heights: vec![0.0; stride * BLOCK],
            stride,
            envelope: Envelope::new(length, spacing),
        }
    }

    /// `rows[i][x]` ← `finish` of minₖ rows\[k\]\[x\] + (spacing·(i − k))².
    fn transform<T: Stored>(&mut self, rows: &mut [&mut [T]], finish: impl Fn(f64) -> f64) {
        let width = rows.first().map_or(0, |row| row.len());
        for begin in (0..width).step_by(BLOCK) {
            let end = (begin + BLOCK).min(width);
            let mut is_empty = true;
            for (i, row) in rows.iter().enumerate() {
                for (k, value) in row[begin..end].iter().enumerate() {
                    let height = value.load();
                    is_empty &= height == 0.0;
                    self.heights[k * self.stride + i] = height;
                }
            }
            if is_empty {
                continue;
            }
            for column in self.heights.chunks_exact_mut(self.stride).take(end - begin) {
                self.envelope.transform(&mut column[..rows.len()]);
            }
            for (i, row) in rows.iter_mut().enumerate() {
                for (k, value) in row[begin..end].iter_mut().enumerate() {
                    *value = T::store(finish(self.heights[k * self.stride + i]));
                }
            }
        }
    }
}

/// The lower envelope of the parabolas over one line.
struct Envelope {
    parabolas: Vec<Parabola>,
    /// 1/(2·d) at `d`.
    half_inverse: Vec<f64>,
    squared_spacing: f64,
}

/// One parabola of the envelope; positions count voxels from the run's begin.
#[derive(Clone, Copy)]
struct Parabola {
    at: usize,
    height: f64,
    /// Its value at the run's begin, in squared voxels.
    lifted: f64,
    /// Where it begins to be the lowest.
    begins: f64,
}

impl Envelope {
    fn new(length: usize, spacing: f64) -> Self {
        Self {
            parabolas: Vec::with_capacity(length),
            half_inverse: (0..length).map(|d| 0.5 / d as f64).collect(),
            squared_spacing: spacing * spacing,
        }
    }

    /// Each run between zeros by itself: no parabola from beyond a zero is below the zero's own.
    fn transform(&mut self, line: &mut [f64]) {
        let mut at = 0;
        while let Some(skipped) = line[at..].iter().position(|height| *height != 0.0) {
            let begin = at + skipped;
            let length = line[begin..].iter().position(|height| *height == 0.0);
            let end = length.map_or(line.len(), |length| begin + length);
            let from = begin.saturating_sub(1);
            let to = (end + 1).min(line.len());
            self.transform_run(&mut line[from..to]);
            at = end;
        }
    }

    fn transform_run(&mut self, run: &mut [f64]) {
        self.parabolas.clear();
        let n = run.len();
        let inverse = 1.0 / self.squared_spacing;
        for (at, height) in run.iter().enumerate() {
            if height.is_infinite() {
                continue;
            }
            let lifted = height * inverse + (at * at) as f64;
            let mut begins = f64::NEG_INFINITY;
            while let Some(last) = self.parabolas.last() {
                let crossing = (lifted - last.lifted) * self.half_inverse[at - last.at];
                if crossing > last.begins {
                    begins = crossing;
                    break;
                }
                self.parabolas.pop();
            }
            // One that begins beyond the run's end is never seen.
            if begins < n as f64 {
                self.parabolas.push(Parabola {
                    at,
                    height: *height,
                    lifted,
                    begins,
                });
            }
        }
        let mut i = 0;
        for (which, parabola) in self.parabolas.iter().enumerate() {
            let end = match self.parabolas.get(which + 1) {
                Some(next) if next.begins < 0.0 => 0,
                Some(next) => (next.begins as usize + 1).min(n),
                None => n,
            };
            for (i, value) in run.iter_mut().enumerate().take(end).skip(i) {
                let away = i as f64 - parabola.at as f64;
                *value = parabola.height + self.squared_spacing * (away * away);
            }
            i = i.max(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern() -> Array3<bool> {
        Array3::from_shape_fn((5, 6, 7), |(z, y, x)| (z * 31 + y * 17 + x * 13) % 23 != 0)
    }

    /// Every voxel against the definition.
    #[test]
    fn equals_the_definition() {
        for spacing in [[1.0, 1.0, 1.0], [2.0, 1.0, 0.5], [0.7, 3.0, 1.1]] {
            let inside = pattern();
            let got = distance_transform(inside.view(), spacing);
            for ((z, y, x), distance) in got.indexed_iter() {
                let expected = inside
                    .indexed_iter()
                    .filter(|(_, inside)| !**inside)
                    .map(|((a, b, c), _)| {
                        let d = [
                            z as f64 - a as f64,
                            y as f64 - b as f64,
                            x as f64 - c as f64,
                        ];
                        (0..3).map(|k| (d[k] * spacing[k]).powi(2)).sum::<f64>()
                    })
                    .fold(f64::INFINITY, f64::min)
                    .sqrt();
                assert!((distance - expected).abs() < 1e-9, "{distance} {expected}");
            }
        }
    }

    /// ```python
    /// import numpy as np
    /// from scipy.ndimage import distance_transform_edt
    /// z, y, x = np.indices((5, 6, 7))
    /// distance_transform_edt((z * 31 + y * 17 + x * 13) % 23 != 0, sampling=(2, 1, .5)).sum()
    /// ```
    #[test]
    fn equals_scipy() {
        let got = distance_transform(pattern().view(), [2.0, 1.0, 0.5]).sum();
        assert!((got - SCIPY_SUM).abs() < 1e-9, "{got}");
        let single = distance_transform_f32(pattern().view(), [2.0, 1.0, 0.5]);
        let double = distance_transform(pattern().view(), [2.0, 1.0, 0.5]);
        for (single, double) in single.iter().zip(&double) {
            assert!((f64::from(*single) - double).abs() <= 1e-6 * double);
        }
    }

    #[test]
    fn without_background_it_is_infinite() {
        let got = distance_transform(Array3::from_elem((2, 2, 2), true).view(), [1.0; 3]);
        assert!(got.iter().all(|d| d.is_infinite()));
    }

    const SCIPY_SUM: f64 = 333.633939314745;
}
