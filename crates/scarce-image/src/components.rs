//! Connected components.

use ndarray::{Array3, ArrayView3};

use crate::Mask;

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
    fn offsets(self) -> Vec<[isize; 3]> {
        let most = match self {
            Self::Faces6 => 1,
            Self::Edges18 => 2,
            Self::Corners26 => 3,
        };
        let mut offsets = Vec::new();
        for z in -1isize..=1 {
            for y in -1isize..=1 {
                for x in -1isize..=1 {
                    let distance = z.abs() + y.abs() + x.abs();
                    if distance > 0 && distance <= most {
                        offsets.push([z, y, x]);
                    }
                }
            }
        }
        offsets
    }
}

/// A number for each component, 1 and up in raster order of their first voxels, 0 outside; and how
/// many voxels each has.
pub fn connected_components(
    inside: ArrayView3<'_, bool>,
    connectivity: Connectivity,
) -> (Array3<u32>, Vec<usize>) {
    let shape: [usize; 3] = inside.dim().into();
    let offsets = connectivity.offsets();
    let mut labels = Array3::<u32>::zeros(inside.raw_dim());
    let mut sizes = Vec::new();
    let mut open = Vec::new();
    for (at, is_inside) in inside.indexed_iter() {
        if !is_inside || labels[at] != 0 {
            continue;
        }
        let label = sizes.len() as u32 + 1;
        let mut size = 0;
        labels[at] = label;
        open.push([at.0, at.1, at.2]);
        while let Some(from) = open.pop() {
            size += 1;
            for offset in &offsets {
                let mut to = from;
                let within = (0..3).all(|axis| {
                    from[axis]
                        .checked_add_signed(offset[axis])
                        .is_some_and(|index| {
                            to[axis] = index;
                            index < shape[axis]
                        })
                });
                if within && inside[to] && labels[to] == 0 {
                    labels[to] = label;
                    open.push(to);
                }
            }
        }
        sizes.push(size);
    }
    (labels, sizes)
}

/// Only the component with most voxels, the first of equals; an empty mask stays empty.
pub fn largest_component(mask: &Mask, connectivity: Connectivity) -> Mask {
    let (labels, sizes) = connected_components(mask.voxels().view(), connectivity);
    let largest = sizes.iter().copied().max().unwrap_or(0);
    let label = sizes
        .iter()
        .position(|size| *size == largest)
        .map_or(0, |i| i as u32 + 1);
    Mask::new(labels.mapv(|l| l != 0 && l == label), *mask.geometry())
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

    #[test]
    fn keeps_the_largest() {
        let geometry = Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap();
        let largest = largest_component(&Mask::new(scene(), geometry), Connectivity::Faces6);
        assert_eq!(largest.voxels().iter().filter(|v| **v).count(), 27);
        let empty = Mask::new(Array3::from_elem((2, 2, 2), false), geometry);
        assert_eq!(largest_component(&empty, Connectivity::Faces6), empty);
    }
}
