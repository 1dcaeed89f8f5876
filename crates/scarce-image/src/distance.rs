//! The exact Euclidean distance transform with anisotropic spacing.

use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, ArrayViewMut1, Axis};

/// For each `true` voxel the distance to the nearest `false` one in mm, 0 at `false` voxels, as
/// SciPy's `distance_transform_edt(inside, sampling=spacing_mm_zyx)`. Without any `false` voxel all
/// are infinite.
///
/// Felzenszwalb & Huttenlocher 2012: lower envelopes of parabolas, axis by axis.
pub fn distance_transform(inside: ArrayView3<'_, bool>, spacing_mm_zyx: [f64; 3]) -> Array3<f64> {
    let mut squared = inside.map(|inside| if *inside { f64::INFINITY } else { 0.0 });
    for axis in [2, 1, 0] {
        // Threads take slabs across an axis that the lines do not run along.
        let across = Axis(usize::from(axis == 0));
        let along = Axis(usize::from(axis == 2));
        squared.axis_iter_mut(across).into_par_iter().for_each_init(
            Envelope::default,
            |envelope, mut slab| {
                for line in slab.lanes_mut(along) {
                    envelope.transform(line, spacing_mm_zyx[axis]);
                }
            },
        );
    }
    squared.mapv_into(f64::sqrt)
}

/// Scratch space of one line.
#[derive(Default)]
struct Envelope {
    heights: Vec<f64>,
    /// Index of each parabola of the envelope, and where it begins to be the lowest.
    parabolas: Vec<(usize, f64)>,
}

impl Envelope {
    /// `line[i]` ← minₖ line[k] + (spacing·(i − k))².
    fn transform(&mut self, mut line: ArrayViewMut1<'_, f64>, spacing: f64) {
        self.heights.clear();
        self.heights.extend(line.iter());
        self.parabolas.clear();
        let position = |k: usize| k as f64 * spacing;
        for (k, height) in self.heights.iter().enumerate() {
            if height.is_infinite() {
                continue;
            }
            let lifted = height + position(k).powi(2);
            let mut begins = f64::NEG_INFINITY;
            while let Some((other, other_begins)) = self.parabolas.last() {
                let other_lifted = self.heights[*other] + position(*other).powi(2);
                begins = (lifted - other_lifted) / (2.0 * (position(k) - position(*other)));
                if begins > *other_begins {
                    break;
                }
                self.parabolas.pop();
                begins = f64::NEG_INFINITY;
            }
            self.parabolas.push((k, begins));
        }
        if self.parabolas.is_empty() {
            return;
        }
        let mut current = 0;
        for (i, value) in line.iter_mut().enumerate() {
            while self
                .parabolas
                .get(current + 1)
                .is_some_and(|(_, begins)| *begins < position(i))
            {
                current += 1;
            }
            let k = self.parabolas[current].0;
            *value = self.heights[k] + (position(i) - position(k)).powi(2);
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
    }

    #[test]
    fn without_background_it_is_infinite() {
        let got = distance_transform(Array3::from_elem((2, 2, 2), true).view(), [1.0; 3]);
        assert!(got.iter().all(|d| d.is_infinite()));
    }

    const SCIPY_SUM: f64 = 333.633939314745;
}
