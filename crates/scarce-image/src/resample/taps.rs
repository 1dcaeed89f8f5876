//! Weight tables: which voxels along one axis a grid index draws from, and how much.

use std::ops::Range;

use super::EDGE;

/// For each grid index inside the field of view a window of `width` source indices and their
/// weights. A source shorter than the window counts as padded; weights on the padding are 0.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AxisTaps {
    /// The grid indices inside the field of view.
    pub(super) inside: Range<usize>,
    /// Weights in a window.
    pub(super) width: usize,
    /// The first source index of each inside index's window.
    pub(super) first: Vec<usize>,
    /// The windows' weights, one window after the other.
    pub(super) weights: Vec<f32>,
}

impl AxisTaps {
    /// Linear interpolation at `offset + scale·i`; the outermost value holds out to the edge.
    pub(super) fn linear(source: usize, target: usize, scale: f64, offset: f64) -> Self {
        Self::interpolating(source, target, scale, offset, 2, |at, window| {
            let at = at.clamp(0.0, (source - 1) as f64);
            let low = (at.floor() as usize).min(source.saturating_sub(2));
            let share = at - low as f64;
            window[0] = (1.0 - share) as f32;
            window[1] = share as f32;
            low
        })
    }

    /// Cubic B-splines at `offset + scale·i`, mirrored at the outermost centres.
    pub(super) fn cubic(source: usize, target: usize, scale: f64, offset: f64) -> Self {
        Self::interpolating(source, target, scale, offset, 4, |at, window| {
            let low = at.floor();
            let first = (low as isize - 1).clamp(0, source.saturating_sub(4) as isize) as usize;
            for (k, weight) in cubic_weights(at - low).into_iter().enumerate() {
                window[mirrored(low as isize - 1 + k as isize, source) - first] += weight as f32;
            }
            first
        })
    }

    fn interpolating(
        source: usize,
        target: usize,
        scale: f64,
        offset: f64,
        width: usize,
        mut window: impl FnMut(f64, &mut [f32]) -> usize,
    ) -> Self {
        let at = |i: usize| snapped(offset + scale * i as f64);
        let inside = field_of_view(source, target, at);
        let mut weights = vec![0.0; inside.len() * width];
        let first = inside
            .clone()
            .zip(weights.chunks_exact_mut(width))
            .map(|(i, weights)| window(at(i), weights))
            .collect();
        Self {
            inside,
            width,
            first,
            weights,
        }
    }

    /// A table over the whole grid from one list of weights an index, with the source index each
    /// list begins at.
    pub(super) fn from_windows(source: usize, windows: &[(usize, Vec<f32>)]) -> Self {
        let width = windows.iter().map(|(_, w)| w.len()).max().unwrap_or(1);
        let mut weights = vec![0.0; windows.len() * width];
        let first = windows
            .iter()
            .zip(weights.chunks_exact_mut(width))
            .map(|((begin, list), weights)| {
                // Windows as wide as the widest must not reach past the last voxel.
                let first = (*begin).min(source.saturating_sub(width));
                weights[begin - first..][..list.len()].copy_from_slice(list);
                first
            })
            .collect();
        Self {
            inside: 0..windows.len(),
            width,
            first,
            weights,
        }
    }

    /// Windows of one voxel where each window has but one weight, 1: copies instead of sums.
    pub(super) fn narrowed(self) -> Self {
        let sole = |window: &[f32]| {
            let mut used = window.iter().enumerate().filter(|(_, w)| **w != 0.0);
            match (used.next(), used.next()) {
                (Some((k, weight)), None) if *weight == 1.0 => Some(k),
                _ => None,
            }
        };
        let first: Option<Vec<usize>> = self
            .first
            .iter()
            .zip(self.weights.chunks_exact(self.width))
            .map(|(first, window)| sole(window).map(|k| first + k))
            .collect();
        match first {
            Some(first) => Self {
                inside: self.inside,
                width: 1,
                weights: vec![1.0; first.len()],
                first,
            },
            None => self,
        }
    }

    /// The window of grid index `i`; `None` outside the field of view.
    pub(super) fn window(&self, i: usize) -> Option<(usize, &[f32])> {
        let at = i.checked_sub(self.inside.start)?;
        let first = *self.first.get(at)?;
        Some((
            first,
            self.weights.get(at * self.width..)?.get(..self.width)?,
        ))
    }
}

/// For each grid index the nearest source index; `None` outside the field of view.
pub(super) fn nearest_indices(
    source: usize,
    target: usize,
    scale: f64,
    offset: f64,
) -> Vec<Option<usize>> {
    let at = |i: usize| snapped(offset + scale * i as f64);
    let inside = field_of_view(source, target, at);
    (0..target)
        .map(|i| inside.contains(&i).then(|| nearest(at(i), source)))
        .collect()
}

/// The index nearest to a coordinate inside the field of view.
pub(super) fn nearest(at: f64, source: usize) -> usize {
    // Far from rounding's reach, so that halves go up whatever affine made them.
    ((at + 0.5 + 1e-9).floor().max(0.0) as usize).min(source - 1)
}

/// The four weights of the cubic B-spline at the share `t` between the second and the third knot.
pub(super) fn cubic_weights(t: f64) -> [f64; 4] {
    let s = 1.0 - t;
    [
        s * s * s / 6.0,
        2.0 / 3.0 - t * t * (2.0 - t) / 2.0,
        2.0 / 3.0 - s * s * (2.0 - s) / 2.0,
        t * t * t / 6.0,
    ]
}

/// The index that stands for `i` when a line of `n` is mirrored at its outermost centres.
pub(super) fn mirrored(i: isize, n: usize) -> usize {
    if n < 2 {
        return 0;
    }
    let period = 2 * (n as isize - 1);
    let i = i.rem_euclid(period);
    i.min(period - i) as usize
}

/// A coordinate within rounding of a voxel centre is that centre.
fn snapped(at: f64) -> f64 {
    let centre = at.round();
    if (at - centre).abs() < 1e-7 {
        centre
    } else {
        at
    }
}

fn field_of_view(source: usize, target: usize, at: impl Fn(usize) -> f64) -> Range<usize> {
    let is_inside = |i: &usize| {
        let at = at(*i);
        source > 0 && at >= -0.5 - EDGE && at <= source as f64 - 0.5 + EDGE
    };
    // The coordinate is monotone in `i`, so what is inside lies together.
    let start = (0..target).find(is_inside).unwrap_or(target);
    let end = (start..target)
        .rev()
        .find(is_inside)
        .map_or(start, |i| i + 1);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a mirrored line: `numpy.pad(range(n), 6, mode="reflect")`.
    #[test]
    fn mirrors_as_numpy_reflects() {
        for (n, expected) in [
            (1, [0, 0, 0, 0, 0, 0, 0, 0, 0]),
            (2, [0, 1, 0, 1, 0, 1, 0, 1, 0]),
            (3, [0, 1, 2, 1, 0, 1, 2, 1, 0]),
            (5, [4, 3, 2, 1, 0, 1, 2, 3, 4]),
        ] {
            let got: Vec<usize> = (-4..=4).map(|i| mirrored(i, n)).collect();
            assert_eq!(got, expected, "{n}");
        }
    }

    #[test]
    fn weights_sum_to_one_at_any_length_and_place() {
        for source in [1, 2, 3, 4, 7] {
            for scale in [-0.7, 0.3, 1.0, 2.6] {
                for table in [
                    AxisTaps::linear(source, 20, scale, 1.3),
                    AxisTaps::cubic(source, 20, scale, 1.3),
                ] {
                    for i in table.inside.clone() {
                        let (_, window) = table.window(i).unwrap();
                        let sum: f32 = window.iter().sum();
                        assert!((sum - 1.0).abs() < 1e-6, "{source} {scale} {i}: {sum}");
                    }
                }
            }
        }
    }
}
