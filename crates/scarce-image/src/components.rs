//! Connected components.
//!
//! Rows become runs, runs that touch are united (Tarjan's disjoint sets), and only runs are ever
//! painted. Slabs of slices are treated in parallel and sewn together at their borders.

use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, Axis};

use crate::Mask;
use crate::runs::{Run, find_runs, touching};

/// Which neighbours connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connectivity {
    /// Across faces: 6 neighbours.
    Faces6,
    /// Across faces and edges: 18.
    Edges18,
    /// Across faces, edges and corners: 26.
    Corners26,
}

impl Connectivity {
    /// How many axes a step between neighbours may change.
    pub(crate) fn most_axes(self) -> usize {
        match self {
            Self::Faces6 => 1,
            Self::Edges18 => 2,
            Self::Corners26 => 3,
        }
    }

    /// How far a row lying `rows` axes away is reached: 1 if diagonally too, 0 if only straight
    /// across, `None` not at all.
    fn reach(self, rows: usize) -> Option<u32> {
        Some(u32::from(self.most_axes().checked_sub(rows)? > 0))
    }
}

/// A number for each component, 1 and up in raster order of their first voxels, 0 outside; and how
/// many voxels each has.
///
/// ```
/// use ndarray::Array3;
/// use scarce_image::{Connectivity, connected_components};
///
/// let inside = Array3::from_shape_fn((1, 1, 6), |(_, _, x)| x != 2);
/// let (labels, voxels) = connected_components(inside.view(), Connectivity::Faces6);
/// assert_eq!(labels.as_slice(), Some(&[1, 1, 0, 2, 2, 2][..]));
/// assert_eq!(voxels, [2, 3]);
/// ```
pub fn connected_components(
    inside: ArrayView3<'_, bool>,
    connectivity: Connectivity,
) -> (Array3<u32>, Vec<usize>) {
    let components = Components::of(inside, true, connectivity);
    let mut labels = Array3::from_elem(inside.raw_dim(), 0);
    components.paint(&mut labels, Some);
    (labels, components.sizes)
}

/// Only the component with most voxels, the first of equals; an empty mask stays empty.
pub fn largest_component(mask: &Mask, connectivity: Connectivity) -> Mask {
    let components = Components::of(mask.voxels().view(), true, connectivity);
    let largest = components.sizes.iter().copied().max().unwrap_or(0);
    let first = components.sizes.iter().position(|size| *size == largest);
    components.mask(mask, |label| Some(label as usize - 1) == first)
}

/// Only the components with `min_voxels` or more.
pub fn components_at_least(mask: &Mask, connectivity: Connectivity, min_voxels: usize) -> Mask {
    let components = Components::of(mask.voxels().view(), true, connectivity);
    components.mask(mask, |label| {
        components.sizes[label as usize - 1] >= min_voxels
    })
}

/// The mask with its holes filled: the background that no path across faces leads out of, as SciPy's
/// `binary_fill_holes`.
pub fn fill_holes(mask: &Mask) -> Mask {
    let components = Components::of(mask.voxels().view(), false, Connectivity::Faces6);
    let is_open = components.reaching_a_face();
    let mut filled = mask.voxels().clone();
    components.paint(&mut filled, |label| {
        (!is_open[label as usize - 1]).then_some(true)
    });
    Mask::new(filled, *mask.geometry())
}

/// The runs of some slices, and where they are among all.
struct Slab {
    /// Where each row's runs begin, and the end of the last.
    rows: Vec<usize>,
    runs: Vec<Run>,
    /// For each run one that it is connected to and that comes no later: itself, or a way to the
    /// first of its component.
    parents: Vec<u32>,
    /// Runs in the slabs before.
    offset: usize,
}

impl Slab {
    fn row(&self, row: usize) -> (usize, &[Run]) {
        let begin = self.rows[row];
        (begin, &self.runs[begin..self.rows[row + 1]])
    }
}

/// The components of the voxels of one value.
struct Components {
    slabs: Vec<Slab>,
    slices_a_slab: usize,
    shape: [usize; 3],
    /// The component of each run, 1 and up.
    labels: Vec<u32>,
    /// Voxels of each component.
    sizes: Vec<usize>,
}

impl Components {
    fn of(voxels: ArrayView3<'_, bool>, value: bool, connectivity: Connectivity) -> Self {
        let shape: [usize; 3] = voxels.dim().into();
        let voxels = voxels.as_standard_layout();
        let slices_a_slab = shape[0].div_ceil(4 * rayon::current_num_threads()).max(1);
        let mut slabs: Vec<Slab> = voxels
            .axis_chunks_iter(Axis(0), slices_a_slab)
            .into_par_iter()
            .map(|slices| slab(slices, value, connectivity))
            .collect();
        let mut offset = 0;
        for slab in &mut slabs {
            slab.offset = offset;
            offset += slab.runs.len();
        }
        let mut parents = Vec::with_capacity(offset);
        for slab in &slabs {
            parents.extend(slab.parents.iter().map(|p| p + slab.offset as u32));
        }
        for pair in slabs.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            let last = (before.rows.len() - 1) - shape[1];
            for (y, other_y, reach) in neighbours_in_slice(shape[1], connectivity) {
                let (a, of_a) = after.row(y);
                let (b, of_b) = before.row(last + other_y);
                let (a, b) = (a + after.offset, b + before.offset);
                touching(of_a, of_b, reach, |i, j| unite(&mut parents, a + i, b + j));
            }
        }
        // Parents come first, so one pass in order leaves a label at each run.
        let mut sizes = Vec::new();
        let mut labels = parents;
        let runs = slabs.iter().flat_map(|slab| &slab.runs);
        for (i, run) in runs.enumerate() {
            let parent = labels[i] as usize;
            if parent == i {
                sizes.push(0);
                labels[i] = sizes.len() as u32;
            } else {
                labels[i] = labels[parent];
            }
            sizes[labels[i] as usize - 1] += (run.end - run.begin) as usize;
        }
        Self {
            slabs,
            slices_a_slab,
            shape,
            labels,
            sizes,
        }
    }

    /// Writes `value(label)` over the voxels of each component that has one.
    fn paint<T: Copy + Send + Sync>(
        &self,
        onto: &mut Array3<T>,
        value: impl Fn(u32) -> Option<T> + Sync,
    ) {
        let nx = self.shape[2].max(1);
        onto.axis_chunks_iter_mut(Axis(0), self.slices_a_slab)
            .into_par_iter()
            .zip(&self.slabs)
            .for_each(|(slices, slab)| {
                // Slices of C-order arrays are contiguous.
                let voxels = slices.into_slice().unwrap_or_default();
                let mut labels = self.labels[slab.offset..].iter();
                for (row, voxels) in voxels.chunks_exact_mut(nx).enumerate() {
                    for (run, label) in slab.row(row).1.iter().zip(&mut labels) {
                        if let Some(value) = value(*label) {
                            voxels[run.begin as usize..run.end as usize].fill(value);
                        }
                    }
                }
            });
    }

    /// The components that `keep` holds for, on the grid of `of`.
    fn mask(&self, of: &Mask, keep: impl Fn(u32) -> bool + Sync) -> Mask {
        let mut kept = Array3::from_elem(self.shape, false);
        self.paint(&mut kept, |label| keep(label).then_some(true));
        Mask::new(kept, *of.geometry())
    }

    /// Whether each component has a voxel on a face of the array.
    fn reaching_a_face(&self) -> Vec<bool> {
        let [nz, ny, nx] = self.shape;
        let mut reaching = vec![false; self.sizes.len()];
        let mut labels = self.labels.iter();
        let mut row = 0;
        for slab in &self.slabs {
            for in_slab in 0..slab.rows.len() - 1 {
                let (z, y) = (row / ny, row % ny);
                let on_face = z == 0 || z + 1 == nz || y == 0 || y + 1 == ny;
                for (run, label) in slab.row(in_slab).1.iter().zip(&mut labels) {
                    if on_face || run.begin == 0 || run.end as usize == nx {
                        reaching[*label as usize - 1] = true;
                    }
                }
                row += 1;
            }
        }
        reaching
    }
}

/// The runs of some slices, united among themselves.
fn slab(slices: ArrayView3<'_, bool>, value: bool, connectivity: Connectivity) -> Slab {
    let (nz, ny, _) = slices.dim();
    let mut slab = Slab {
        rows: Vec::with_capacity(nz * ny + 1),
        runs: Vec::new(),
        parents: Vec::new(),
        offset: 0,
    };
    slab.rows.push(0);
    for row in slices.rows() {
        find_runs(row.to_slice().unwrap_or_default(), value, &mut slab.runs);
        slab.rows.push(slab.runs.len());
    }
    let mut parents: Vec<u32> = (0..slab.runs.len() as u32).collect();
    let beside = connectivity.reach(1);
    for z in 0..nz {
        for y in 1..ny {
            let (a, of_a) = slab.row(z * ny + y);
            let (b, of_b) = slab.row(z * ny + y - 1);
            if let Some(reach) = beside {
                touching(of_a, of_b, reach, |i, j| unite(&mut parents, a + i, b + j));
            }
        }
        if z == 0 {
            continue;
        }
        for (y, other_y, reach) in neighbours_in_slice(ny, connectivity) {
            let (a, of_a) = slab.row(z * ny + y);
            let (b, of_b) = slab.row((z - 1) * ny + other_y);
            touching(of_a, of_b, reach, |i, j| unite(&mut parents, a + i, b + j));
        }
    }
    slab.parents = parents;
    slab
}

/// Each row `y` of a slice with the rows of the slice before that it may touch, and how far.
fn neighbours_in_slice(
    ny: usize,
    connectivity: Connectivity,
) -> impl Iterator<Item = (usize, usize, u32)> {
    (0..ny).flat_map(move |y| {
        (y.saturating_sub(1)..(y + 2).min(ny)).filter_map(move |other| {
            let axes = 1 + usize::from(other != y);
            Some((y, other, connectivity.reach(axes)?))
        })
    })
}

/// Brings two runs under one first run.
fn unite(parents: &mut [u32], a: usize, b: usize) {
    let (a, b) = (first_of(parents, a), first_of(parents, b));
    // The earlier one stands above: labels then follow the raster.
    if a < b {
        parents[b] = a as u32;
    } else {
        parents[a] = b as u32;
    }
}

/// The run at the top, the way there shortened.
fn first_of(parents: &mut [u32], mut at: usize) -> usize {
    while parents[at] as usize != at {
        let above = parents[parents[at] as usize];
        parents[at] = above;
        at = above as usize;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Geometry;

    /// Two cubes that touch at a corner, and a voxel apart.
    fn scene() -> Array3<bool> {
        let mut inside = Array3::from_elem((6, 6, 8), false);
        for range in [0..2, 2..5] {
            inside
                .slice_each_axis_mut(|_| range.clone().into())
                .fill(true);
        }
        inside[[0, 0, 7]] = true;
        inside
    }

    fn mask(voxels: Array3<bool>) -> Mask {
        Mask::new(voxels, Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap())
    }

    #[test]
    fn counts_by_connectivity() {
        for (connectivity, expected) in [
            (Connectivity::Faces6, vec![8, 1, 27]),
            (Connectivity::Edges18, vec![8, 1, 27]),
            (Connectivity::Corners26, vec![35, 1]),
        ] {
            let (labels, sizes) = connected_components(scene().view(), connectivity);
            assert_eq!(sizes, expected, "{connectivity:?}");
            assert_eq!(labels[[0, 0, 7]], 2);
        }
    }

    /// Scenes of three densities, a row wider than a word, against SciPy: how many components, and a
    /// sum that no two numberings share by chance.
    ///
    /// ```python
    /// import numpy as np
    /// from scipy.ndimage import generate_binary_structure, label
    /// z, y, x = np.indices((9, 8, 70)).astype(np.uint64)
    /// noise = (z * 73856093 ^ y * 19349663 ^ x * 83492791) % 1009 % 100
    /// for percent in (12, 31, 60):
    ///     for c in (1, 2, 3):
    ///         labels, n = label(noise < percent, generate_binary_structure(3, c))
    ///         print((percent, c, n, (labels.astype(np.int64).ravel() * (np.arange(labels.size) % 97)).sum()))
    /// ```
    #[test]
    fn numbers_as_scipy() {
        for (percent, axes, count, sum) in SCIPY {
            let connectivity = [
                Connectivity::Faces6,
                Connectivity::Edges18,
                Connectivity::Corners26,
            ][axes - 1];
            let inside = noise(percent);
            let (labels, sizes) = connected_components(inside.view(), connectivity);
            let got: u64 = labels
                .iter()
                .enumerate()
                .map(|(i, label)| u64::from(*label) * (i as u64 % 97))
                .sum();
            assert_eq!((sizes.len(), got), (count, sum), "{percent} {axes}");
        }
    }

    fn noise(percent: u64) -> Array3<bool> {
        Array3::from_shape_fn((9, 8, 70), |(z, y, x)| {
            let [z, y, x] = [z, y, x].map(|i| i as u64);
            ((z * 73856093) ^ (y * 19349663) ^ (x * 83492791)) % 1009 % 100 < percent
        })
    }

    #[test]
    fn keeps_by_size() {
        let count = |mask: Mask| mask.voxels().iter().filter(|v| **v).count();
        let scene = mask(scene());
        assert_eq!(count(largest_component(&scene, Connectivity::Faces6)), 27);
        for (least, expected) in [(0, 36), (1, 36), (2, 35), (8, 35), (9, 27), (28, 0)] {
            let kept = components_at_least(&scene, Connectivity::Faces6, least);
            assert_eq!(count(kept), expected, "{least}");
        }
        for shape in [(2, 2, 2), (0, 2, 2), (2, 2, 0)] {
            let empty = mask(Array3::from_elem(shape, false));
            assert_eq!(largest_component(&empty, Connectivity::Faces6), empty);
            assert_eq!(fill_holes(&empty), empty);
        }
    }

    /// ```python
    /// from scipy.ndimage import binary_fill_holes
    /// [int(binary_fill_holes(noise < percent).sum()) for percent in (31, 60, 80)]  # noise as above
    /// ```
    #[test]
    fn fills_as_scipy() {
        for (percent, expected) in [31, 60, 80].into_iter().zip(FILLED) {
            let filled = fill_holes(&mask(noise(percent)));
            let count = filled.voxels().iter().filter(|v| **v).count();
            assert_eq!(count, expected, "{percent}");
        }
    }

    const SCIPY: [(u64, usize, usize, u64); 9] = [
        (12, 1, 418, 6661514),
        (12, 2, 177, 2262987),
        (12, 3, 89, 636317),
        (31, 1, 346, 7944859),
        (31, 2, 18, 83408),
        (31, 3, 7, 75884),
        (60, 1, 38, 188131),
        (60, 2, 1, 144592),
        (60, 3, 1, 144592),
    ];
    const FILLED: [usize; 3] = [1546, 3094, 4358];
}
