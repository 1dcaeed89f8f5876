//! Gaussian filtering in feature space: the permutohedral lattice.
//!
//! A. Adams, J. Baek, A. Davis: Fast High-Dimensional Filtering Using the Permutohedral Lattice, Eurographics 2010. Each point
//! is spread over the corners of the simplex it lies in, the corners are blurred along each of the lattice's directions, and
//! the point is read back: time grows with points and dimensions, not with the filter's width.

use std::collections::HashMap;

/// What is filtered at each point: one number a class.
pub(super) type Values = [f32; 2];

/// The most corners that a simplex has: features of 5 dimensions.
const MOST_CORNERS: usize = 6;

/// A corner's first coordinates; the last one follows from them, since they sum to 0.
type Key = [i32; MOST_CORNERS];

/// Points of one feature space, laid into the lattice.
pub(super) struct Permutohedral {
    /// Of each point, its simplex's corners.
    corners: Vec<[(u32, f32); MOST_CORNERS]>,
    /// Along each direction, each corner's two neighbours.
    neighbours: Vec<Vec<[Option<u32>; 2]>>,
    n_corners: usize,
    n_lattice: usize,
}

impl Permutohedral {
    /// Points with `D` features each, at most 5, in units of the filter's standard deviation.
    pub(super) fn new<const D: usize>(points: impl IntoIterator<Item = [f32; D]>) -> Self {
        let n_corners = D + 1;
        let mut indices: HashMap<Key, u32> = HashMap::new();
        let mut keys: Vec<Key> = Vec::new();
        let corners = points
            .into_iter()
            .map(|point| {
                let simplex = Simplex::around(point);
                let mut corners = [(0, 0.0); MOST_CORNERS];
                for (corner, slot) in corners.iter_mut().enumerate().take(n_corners) {
                    let key = simplex.key(corner);
                    let index = *indices.entry(key).or_insert_with(|| {
                        keys.push(key);
                        keys.len() as u32 - 1
                    });
                    *slot = (index, simplex.weights[corner]);
                }
                corners
            })
            .collect();
        let neighbours = (0..n_corners)
            .map(|direction| {
                keys.iter()
                    .map(|key| {
                        [-1, 1].map(|step| {
                            let mut other = *key;
                            for (axis, at) in other.iter_mut().enumerate().take(D) {
                                *at += if axis == direction {
                                    -step * D as i32
                                } else {
                                    step
                                };
                            }
                            indices.get(&other).copied()
                        })
                    })
                    .collect()
            })
            .collect();
        Self {
            corners,
            neighbours,
            n_corners,
            n_lattice: keys.len(),
        }
    }

    /// How many points there are.
    pub(super) fn len(&self) -> usize {
        self.corners.len()
    }

    /// `values` blurred, of the points in their order.
    pub(super) fn filter(&self, values: &[Values]) -> Vec<Values> {
        let mut lattice: Vec<Values> = vec![[0.0; 2]; self.n_lattice];
        for (corners, values) in self.corners.iter().zip(values) {
            for (index, weight) in &corners[..self.n_corners] {
                let at = &mut lattice[*index as usize];
                for (sum, value) in at.iter_mut().zip(values) {
                    *sum += weight * value;
                }
            }
        }
        for neighbours in &self.neighbours {
            lattice = neighbours
                .iter()
                .zip(&lattice)
                .map(|(neighbours, own)| {
                    let mut blurred = *own;
                    for other in neighbours.iter().flatten() {
                        for (sum, value) in blurred.iter_mut().zip(lattice[*other as usize]) {
                            *sum += 0.5 * value;
                        }
                    }
                    blurred
                })
                .collect();
        }
        // Half of each corner goes to its two neighbours: this keeps the sum.
        let share = 1.0 / (1.0 + 0.5_f32.powi(self.n_corners as i32 - 1));
        self.corners
            .iter()
            .map(|corners| {
                let mut found = [0.0; 2];
                for (index, weight) in &corners[..self.n_corners] {
                    for (sum, value) in found.iter_mut().zip(lattice[*index as usize]) {
                        *sum += weight * value * share;
                    }
                }
                found
            })
            .collect()
    }
}

/// The simplex around a point.
struct Simplex {
    /// Its corner of remainder 0.
    origin: Key,
    /// How many of the point's distances to `origin` are larger, axis by axis.
    rank: [usize; MOST_CORNERS],
    /// Barycentric weights, by the corner's remainder.
    weights: [f32; MOST_CORNERS],
    n_corners: usize,
}

impl Simplex {
    fn around<const D: usize>(point: [f32; D]) -> Self {
        let n_corners = D + 1;
        let across = n_corners as f32;
        // Into the hyperplane of coordinates that sum to 0; a blur's standard deviation becomes 1.
        let deviation = (2.0_f32 / 3.0).sqrt() * across;
        let mut elevated = [0.0_f32; MOST_CORNERS];
        let mut sum = 0.0;
        for axis in (1..n_corners).rev() {
            let scaled = point[axis - 1] * deviation / ((axis * (axis + 1)) as f32).sqrt();
            elevated[axis] = sum - axis as f32 * scaled;
            sum += scaled;
        }
        elevated[0] = sum;

        let mut origin = [0_i32; MOST_CORNERS];
        let mut excess = 0_i32;
        for axis in 0..n_corners {
            let multiple = (elevated[axis] / across).round() as i32;
            origin[axis] = multiple * n_corners as i32;
            excess += multiple;
        }
        let mut rank = [0_i32; MOST_CORNERS];
        let rest = |origin: &Key, axis: usize| elevated[axis] - origin[axis] as f32;
        for axis in 0..n_corners {
            for other in axis + 1..n_corners {
                let is_less = rest(&origin, axis) < rest(&origin, other);
                rank[if is_less { axis } else { other }] += 1;
            }
        }
        // Back onto the hyperplane, at the axes that were rounded farthest.
        for axis in 0..n_corners {
            rank[axis] += excess;
            let turns = if rank[axis] < 0 {
                1
            } else {
                -i32::from(rank[axis] >= n_corners as i32)
            };
            rank[axis] += turns * n_corners as i32;
            origin[axis] += turns * n_corners as i32;
        }
        let rank = rank.map(|rank| rank as usize);

        let mut weights = [0.0_f32; MOST_CORNERS + 1];
        for axis in 0..n_corners {
            let share = rest(&origin, axis) / across;
            weights[D - rank[axis]] += share;
            weights[D + 1 - rank[axis]] -= share;
        }
        weights[0] += 1.0 + weights[n_corners];
        weights[n_corners] = 0.0;
        let mut of_corners = [0.0; MOST_CORNERS];
        of_corners.copy_from_slice(&weights[..MOST_CORNERS]);
        Self {
            origin,
            rank,
            weights: of_corners,
            n_corners,
        }
    }

    /// The corner whose coordinates leave `remainder` when divided by the number of corners.
    fn key(&self, remainder: usize) -> Key {
        let mut key = [0; MOST_CORNERS];
        // The last coordinate is left out.
        for (axis, at) in key.iter_mut().enumerate().take(self.n_corners - 1) {
            let wraps = self.rank[axis] + remainder >= self.n_corners;
            let turn = if wraps { self.n_corners as i32 } else { 0 };
            *at = self.origin[axis] + remainder as i32 - turn;
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a plane the lattice comes near the Gaussian that it stands for.
    #[test]
    fn filters_like_a_gaussian() {
        let side = 40;
        let deviation = 4.0_f32;
        let at = |i: usize| [(i % side) as f32 / deviation, (i / side) as f32 / deviation];
        let lattice = Permutohedral::new((0..side * side).map(at));
        let mut values = vec![[0.0, 1.0]; side * side];
        let centre = side / 2 * side + side / 2;
        values[centre] = [1.0, 1.0];
        let found = lattice.filter(&values);
        let total: f32 = found.iter().map(|v| v[0]).sum();
        for i in [centre, centre + 4, centre + 4 * side, centre + 8] {
            let [dx, dy] = [0, 1].map(|axis| at(i)[axis] - at(centre)[axis]);
            let gaussian =
                (-0.5 * (dx * dx + dy * dy)).exp() / (std::f32::consts::TAU * deviation.powi(2));
            let share = found[i][0] / total;
            assert!(
                (share - gaussian).abs() < 0.15 * gaussian + 1e-4,
                "{share} {gaussian}"
            );
        }
    }
}
