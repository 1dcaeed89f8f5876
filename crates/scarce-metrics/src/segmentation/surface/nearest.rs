//! For each point of one surface the distance to the nearest point of another.

use ndarray::Array3;
use rayon::prelude::*;
use scarce_image::distance_transform;

use super::super::bits::{BitGrid, points};

/// Points of a surface by which the cost of searching for all of them is guessed.
const SAMPLE: usize = 64;

/// How many rows can be searched in the time that a distance transform spends on a voxel.
const ROWS_PER_VOXEL: usize = 6;

/// Distances in the order of `from`'s points. Both grids are of one shape; `to` has a point.
///
/// Surfaces that are worth comparing lie close, so each point looks around itself, row by row, and no
/// further than what it has found; a distance transform of the whole grid would visit a thousand
/// voxels for each that is asked about. Where a sample says that they lie so far apart that searching
/// takes longer, the transform is taken after all.
pub(super) fn distances(from: &BitGrid, to: &BitGrid, spacing_zyx: [f64; 3]) -> Vec<f64> {
    let search = Search::new(to, spacing_zyx);
    let [nz, ny, nx] = from.shape_zyx();
    if search.rows_for_all(from) > ROWS_PER_VOXEL * nz * ny * nx {
        return transformed(from, to, spacing_zyx);
    }
    let by_row: Vec<Vec<f64>> = (0..nz * ny)
        .into_par_iter()
        .with_min_len(16)
        .map(|row| search.along(from.row(row / ny, row % ny), [row / ny, row % ny]))
        .collect();
    by_row.concat()
}

/// By a distance transform.
fn transformed(from: &BitGrid, to: &BitGrid, spacing_zyx: [f64; 3]) -> Vec<f64> {
    let [nz, ny, nx] = to.shape_zyx();
    let mut outside = Array3::from_elem((nz, ny, nx), true);
    for (row, mut outside) in outside.rows_mut().into_iter().enumerate() {
        for x in points(to.row(row / ny, row % ny)) {
            outside[x] = false;
        }
    }
    let distances = distance_transform(outside.view(), spacing_zyx);
    let rows = distances.rows().into_iter().enumerate();
    rows.flat_map(|(row, distances)| {
        points(from.row(row / ny, row % ny)).map(move |x| distances[x])
    })
    .collect()
}

/// Looks for the nearest point.
struct Search<'a> {
    to: &'a BitGrid,
    spacing_x: f64,
    /// Squared length of each number of steps along z, y and x.
    squares: [Vec<f64>; 3],
}

impl<'a> Search<'a> {
    fn new(to: &'a BitGrid, spacing_zyx: [f64; 3]) -> Self {
        let shape = to.shape_zyx();
        Self {
            to,
            spacing_x: spacing_zyx[2],
            squares: [0, 1, 2].map(|axis| {
                let length = |step| step as f64 * spacing_zyx[axis];
                (0..shape[axis]).map(|step| length(step).powi(2)).collect()
            }),
        }
    }

    /// How many rows will be looked at for all points together, from some of them.
    fn rows_for_all(&self, from: &BitGrid) -> usize {
        let [nz, ny, _] = from.shape_zyx();
        let count = from.count();
        let every = count.div_ceil(SAMPLE).max(1);
        let rows = (0..nz * ny).flat_map(|row| {
            points(from.row(row / ny, row % ny)).map(move |x| [row / ny, row % ny, x])
        });
        let looked_at: usize = rows
            .skip(every / 2)
            .step_by(every)
            .map(|at| self.squared(at, f64::INFINITY).1)
            .sum();
        looked_at * every
    }

    /// The distances from the points of a row at `(z, y)`.
    fn along(&self, row: &[u64], [z, y]: [usize; 2]) -> Vec<f64> {
        let mut found: Vec<f64> = Vec::new();
        let mut last = 0;
        for x in points(row) {
            // As far as the last point's nearest is, and to that point: a little more, for rounding.
            let bound = found.last().map_or(f64::INFINITY, |distance| {
                distance + (x - last) as f64 * self.spacing_x
            });
            let (squared, _) = self.squared([z, y, x], (bound * 1.000_001).powi(2));
            found.push(squared.sqrt());
            last = x;
        }
        found
    }

    /// The squared distance to the nearest point, if that is less than `bound`, else `bound`; and how
    /// many rows were looked at.
    fn squared(&self, [z, y, x]: [usize; 3], bound: f64) -> (f64, usize) {
        let [nz, ny, _] = self.to.shape_zyx();
        let (mut least, mut looked_at) = (bound, 0);
        for (dz, square_z) in self.squares[0].iter().enumerate() {
            if *square_z >= least {
                break;
            }
            for z in both_ways(z, dz, nz) {
                for (dy, square_y) in self.squares[1].iter().enumerate() {
                    let beside = square_z + square_y;
                    if beside >= least {
                        break;
                    }
                    for y in both_ways(y, dy, ny) {
                        looked_at += 1;
                        if let Some(dx) = nearest(self.to.row(z, y), x) {
                            least = least.min(beside + self.squares[2][dx]);
                        }
                    }
                }
            }
        }
        (least, looked_at)
    }
}

/// `step` before and after `at`, where that is below `n`.
fn both_ways(at: usize, step: usize, n: usize) -> impl Iterator<Item = usize> {
    let before = (step > 0).then(|| at.checked_sub(step)).flatten();
    let after = Some(at + step).filter(|at| *at < n);
    before.into_iter().chain(after)
}

/// Steps from `x` to the nearest point of a row.
fn nearest(row: &[u64], x: usize) -> Option<usize> {
    let (k, bit) = (x / 64, x % 64);
    let up = row[k] >> bit;
    let down = row[k] << (63 - bit);
    let above = if up != 0 {
        Some(up.trailing_zeros() as usize)
    } else {
        let next = row[k + 1..].iter().position(|word| *word != 0);
        next.map(|n| 64 * (n + 1) + row[k + 1 + n].trailing_zeros() as usize - bit)
    };
    let below = if down != 0 {
        Some(down.leading_zeros() as usize)
    } else {
        let last = row[..k].iter().rposition(|word| *word != 0);
        last.map(|l| 64 * (k - l) + bit - (63 - row[l].leading_zeros() as usize))
    };
    match (above, below) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(shape: [usize; 3], inside: impl Fn(usize) -> bool) -> BitGrid {
        let [nz, ny, nx] = shape;
        BitGrid::of_value(
            &Array3::from_shape_fn((nz, ny, nx), |(z, y, x)| inside((z * ny + y) * nx + x)),
            scarce_image::VoxelBox {
                begin_zyx: [0; 3],
                end_zyx: shape,
            },
            true,
        )
    }

    /// Both ways against the definition, near and far points, rows longer than a word.
    #[test]
    fn equal_the_definition() {
        for (shape, spacing) in [
            ([4, 5, 70], [1.0, 1.0, 1.0]),
            ([7, 3, 130], [2.0, 0.7, 0.4]),
            ([1, 9, 20], [9.0, 1.0, 3.0]),
            ([5, 1, 1], [0.5, 1.0, 1.0]),
            ([1, 1, 200], [1.0, 1.0, 0.3]),
        ] {
            for (a, b) in [(3, 5), (1, 11), (13, 1), (97, 89), (2, 400)] {
                let (from, to) = (grid(shape, |i| i % a == 0), grid(shape, |i| i % b == b / 3));
                if to.count() == 0 {
                    continue;
                }
                let all = |grid: &BitGrid| -> Vec<[usize; 3]> {
                    let [nz, ny, _] = grid.shape_zyx();
                    (0..nz * ny)
                        .flat_map(|row| {
                            let at = [row / ny, row % ny];
                            points(grid.row(at[0], at[1])).map(move |x| [at[0], at[1], x])
                        })
                        .collect()
                };
                let targets = all(&to);
                let expected = all(&from).into_iter().map(|p| {
                    let square = |q: &[usize; 3]| -> f64 {
                        let along = |k: usize| p[k].abs_diff(q[k]) as f64 * spacing[k];
                        (0..3).map(|k| along(k).powi(2)).sum()
                    };
                    targets.iter().map(square).fold(f64::INFINITY, f64::min)
                });
                let search = Search::new(&to, spacing);
                let [nz, ny, _] = shape;
                let searched: Vec<f64> = (0..nz * ny)
                    .flat_map(|row| {
                        search.along(from.row(row / ny, row % ny), [row / ny, row % ny])
                    })
                    .collect();
                let transformed = transformed(&from, &to, spacing);
                let chosen = distances(&from, &to, spacing);
                assert_eq!(searched.len(), from.count());
                for (k, expected) in expected.enumerate() {
                    let expected = expected.sqrt();
                    assert_eq!(searched[k], expected, "{shape:?} {a} {b}, point {k}");
                    for got in [transformed[k], chosen[k]] {
                        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
                    }
                }
            }
        }
    }
}
