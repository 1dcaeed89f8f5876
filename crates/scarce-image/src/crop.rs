//! Parts of volumes and volumes with a border, the geometry following.

use glam::{DAffine3, DVec3};
use ndarray::{Array3, ArrayView3, ArrayViewMut3, Slice};
use thiserror::Error;

use crate::{Geometry, Mask, Volume};

/// A box of voxels: `begin_zyx` to before `end_zyx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoxelBox {
    /// The first voxel along z, y and x.
    pub begin_zyx: [usize; 3],
    /// One past the last along z, y and x.
    pub end_zyx: [usize; 3],
}

/// Room left around a mask's bounding box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Margin {
    /// Voxels along z, y and x.
    Voxels([usize; 3]),
    /// Millimetres along each axis, rounded up to whole voxels.
    Mm(f64),
}

/// Why a volume cannot be cropped.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum CropError {
    /// The box ends before it begins, or has no voxel.
    #[error("box {begin:?} to {end:?} (z, y, x) has no voxel")]
    Empty {
        /// Where the box begins.
        begin: [usize; 3],
        /// Where the box ends.
        end: [usize; 3],
    },
    /// The box reaches beyond the grid.
    #[error("box ends at {end:?} (z, y, x), beyond a grid of {shape:?} voxels")]
    Beyond {
        /// Where the box ends.
        end: [usize; 3],
        /// The grid's shape.
        shape: [usize; 3],
    },
    /// The mask that is to be cropped to has no voxel.
    #[error("cropping to a mask that has no voxel inside")]
    EmptyMask,
    /// The mask lies on another grid.
    #[error(
        "cropping to a mask on another grid: volume {volume:?} voxels, mask {mask:?} (z, y, x), or geometries that differ"
    )]
    OtherGrid {
        /// The volume's shape.
        volume: [usize; 3],
        /// The mask's shape.
        mask: [usize; 3],
    },
    /// A margin is negative or no number.
    #[error("margin of {mm} mm: expected a finite number, not negative")]
    Margin {
        /// The margin as it was given.
        mm: f64,
    },
}

impl VoxelBox {
    /// The smallest box around the mask; `None` for an empty mask.
    pub fn of_mask(mask: &Mask) -> Option<Self> {
        let (mut begin_zyx, mut end_zyx) = ([usize::MAX; 3], [0; 3]);
        for (z, slice) in mask.voxels().outer_iter().enumerate() {
            for (y, row) in slice.outer_iter().enumerate() {
                let Some(first) = row.iter().position(|inside| *inside) else {
                    continue;
                };
                let last = row.iter().rposition(|inside| *inside).unwrap_or(first);
                for (axis, (from, to)) in [(z, z), (y, y), (first, last)].into_iter().enumerate() {
                    begin_zyx[axis] = from.min(begin_zyx[axis]);
                    end_zyx[axis] = end_zyx[axis].max(to + 1);
                }
            }
        }
        (end_zyx != [0; 3]).then_some(Self { begin_zyx, end_zyx })
    }

    /// Voxels along z, y and x.
    pub fn shape_zyx(&self) -> [usize; 3] {
        [0, 1, 2].map(|a| self.end_zyx[a].saturating_sub(self.begin_zyx[a]))
    }

    /// The box with `margin_zyx` voxels more on each side, as far as a grid of `shape_zyx` goes.
    #[must_use]
    pub fn grown(&self, margin_zyx: [usize; 3], shape_zyx: [usize; 3]) -> Self {
        Self {
            begin_zyx: [0, 1, 2].map(|a| self.begin_zyx[a].saturating_sub(margin_zyx[a])),
            end_zyx: [0, 1, 2].map(|a| {
                self.end_zyx[a]
                    .saturating_add(margin_zyx[a])
                    .min(shape_zyx[a])
            }),
        }
    }

    pub(crate) fn view<'a, T>(&self, voxels: ArrayView3<'a, T>) -> ArrayView3<'a, T> {
        let mut view = voxels;
        for axis in 0..3 {
            let part = Slice::from(self.begin_zyx[axis]..self.end_zyx[axis]);
            view.slice_axis_inplace(ndarray::Axis(axis), part);
        }
        view
    }

    pub(crate) fn view_mut<'a, T>(&self, voxels: &'a mut Array3<T>) -> ArrayViewMut3<'a, T> {
        voxels.slice_each_axis_mut(|axis| {
            let a = axis.axis.index();
            Slice::from(self.begin_zyx[a]..self.end_zyx[a])
        })
    }
}

/// The voxels in the box, each where it was in the world.
///
/// # Errors
/// [`CropError::Empty`] and [`CropError::Beyond`] for a box that is no part of the grid.
pub fn crop<T: Clone>(volume: &Volume<T>, to: VoxelBox) -> Result<Volume<T>, CropError> {
    let shape = volume.shape_zyx();
    if to.shape_zyx().contains(&0) {
        return Err(CropError::Empty {
            begin: to.begin_zyx,
            end: to.end_zyx,
        });
    }
    if (0..3).any(|a| to.end_zyx[a] > shape[a]) {
        return Err(CropError::Beyond {
            end: to.end_zyx,
            shape,
        });
    }
    let begin = to.begin_zyx.map(|i| i as isize);
    Ok(Volume::new(
        to.view(volume.voxels().view()).to_owned(),
        moved(volume.geometry(), begin),
    ))
}

/// The volume around a mask on the same grid: the mask's bounding box and a margin, as far as the
/// grid goes.
///
/// # Errors
/// [`CropError`] for an empty mask, a mask on another grid and a margin that is no length.
///
/// ```
/// use ndarray::Array3;
/// use scarce_image::{Geometry, Margin, Mask, crop_to_mask};
///
/// let mut voxels = Array3::from_elem((8, 8, 8), false);
/// voxels[[4, 5, 6]] = true;
/// let mask = Mask::new(voxels, Geometry::from_spacing_mm_xyz([1.0, 1.0, 2.5])?);
/// let cropped = crop_to_mask(&mask, &mask, Margin::Mm(2.0))?;
/// assert_eq!(cropped.shape_zyx(), [3, 5, 4]); // x ends at the grid's face
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn crop_to_mask<T: Clone>(
    volume: &Volume<T>,
    mask: &Mask,
    margin: Margin,
) -> Result<Volume<T>, CropError> {
    if !volume.grid().matches(&mask.grid()) {
        return Err(CropError::OtherGrid {
            volume: volume.shape_zyx(),
            mask: mask.shape_zyx(),
        });
    }
    let margin_zyx = match margin {
        Margin::Voxels(voxels) => voxels,
        Margin::Mm(mm) if mm.is_finite() && mm >= 0.0 => {
            // Less a hair, so that 3 mm of 0.3 mm voxels are ten of them.
            let spacing = mask.geometry().spacing_mm_zyx();
            spacing.map(|s| (mm / s - 1e-9).ceil().max(0.0) as usize)
        }
        Margin::Mm(mm) => return Err(CropError::Margin { mm }),
    };
    let near = VoxelBox::of_mask(mask).ok_or(CropError::EmptyMask)?;
    crop(volume, near.grown(margin_zyx, volume.shape_zyx()))
}

/// The volume with a border of `value`: `before_zyx` voxels in front along z, y and x, `after_zyx`
/// behind.
pub fn pad<T: Clone>(
    volume: &Volume<T>,
    before_zyx: [usize; 3],
    after_zyx: [usize; 3],
    value: T,
) -> Volume<T> {
    let shape = volume.shape_zyx();
    let padded = [0, 1, 2].map(|a| before_zyx[a] + shape[a] + after_zyx[a]);
    place(volume, before_zyx.map(|n| -(n as isize)), padded, value)
}

/// The volume in the middle of one of at least `shape_zyx`, `value` around; axes that are long enough
/// stay as they are. Of an odd number of new voxels the last one is behind.
pub fn pad_to_shape<T: Clone>(volume: &Volume<T>, shape_zyx: [usize; 3], value: T) -> Volume<T> {
    let shape = volume.shape_zyx();
    let at_least = [0, 1, 2].map(|a| shape_zyx[a].max(shape[a]));
    centre_crop_or_pad(volume, at_least, value)
}

/// The middle of the volume, exactly `shape_zyx` voxels: cropped where it is longer, padded with
/// `value` where it is shorter. Cropping takes back what padding added.
pub fn centre_crop_or_pad<T: Clone>(
    volume: &Volume<T>,
    shape_zyx: [usize; 3],
    value: T,
) -> Volume<T> {
    let shape = volume.shape_zyx();
    let begin = [0, 1, 2].map(|a| {
        if shape[a] >= shape_zyx[a] {
            ((shape[a] - shape_zyx[a]) / 2) as isize
        } else {
            -(((shape_zyx[a] - shape[a]) / 2) as isize)
        }
    });
    place(volume, begin, shape_zyx, value)
}

/// The voxels from `begin` on, which may lie outside, `value` where there are none.
fn place<T: Clone>(
    volume: &Volume<T>,
    begin: [isize; 3],
    shape: [usize; 3],
    value: T,
) -> Volume<T> {
    let mut voxels = Array3::from_elem(shape, value);
    let old = volume.shape_zyx();
    let skipped = begin.map(|b| b.max(0) as usize);
    let ahead = begin.map(|b| (-b).max(0) as usize);
    let common = [0, 1, 2].map(|a| {
        let left = old[a].saturating_sub(skipped[a]);
        left.min(shape[a].saturating_sub(ahead[a]))
    });
    let part = |begin: [usize; 3]| VoxelBox {
        begin_zyx: begin,
        end_zyx: [0, 1, 2].map(|a| begin[a] + common[a]),
    };
    if !common.contains(&0) {
        let from = part(skipped).view(volume.voxels().view());
        part(ahead).view_mut(&mut voxels).assign(&from);
    }
    Volume::new(voxels, moved(volume.geometry(), begin))
}

/// The geometry of a volume whose first voxel was voxel `begin` before.
fn moved(geometry: &Geometry, begin: [isize; 3]) -> Geometry {
    let affine = geometry.world_from_voxel();
    let [z, y, x] = begin.map(|b| b as f64);
    Geometry::from_invertible(DAffine3 {
        translation: affine.transform_point3(DVec3::new(x, y, z)),
        ..affine
    })
}

#[cfg(test)]
mod tests {
    use glam::DMat3;

    use super::*;

    /// Each voxel holds its own index, on an oblique grid.
    fn indexed(shape: [usize; 3]) -> Volume<[usize; 3]> {
        let voxels = Array3::from_shape_fn(shape, |(z, y, x)| [z, y, x]);
        let affine = DAffine3 {
            matrix3: DMat3::from_rotation_z(0.3) * DMat3::from_diagonal(DVec3::new(0.7, 0.8, 2.0)),
            translation: DVec3::new(3.0, -5.0, 7.0),
        };
        Volume::new(voxels, Geometry::new(affine).unwrap())
    }

    const NONE: [usize; 3] = [usize::MAX; 3];

    /// What is left of the volume lies where it lay; counts the voxels that are.
    fn check(was: &Volume<[usize; 3]>, now: &Volume<[usize; 3]>) -> usize {
        let world = |v: &Volume<[usize; 3]>, [z, y, x]: [usize; 3]| {
            let voxel = DVec3::new(x as f64, y as f64, z as f64);
            v.geometry().world_from_voxel().transform_point3(voxel)
        };
        let mut kept = 0;
        for (at, source) in now.voxels().indexed_iter() {
            if *source != NONE {
                kept += 1;
                assert!(world(now, at.into()).distance(world(was, *source)) < 1e-9);
            }
        }
        kept
    }

    #[test]
    fn the_geometry_follows() {
        let v = indexed([5, 6, 7]);
        let cropped = crop(
            &v,
            VoxelBox {
                begin_zyx: [1, 2, 0],
                end_zyx: [5, 3, 4],
            },
        )
        .unwrap();
        assert_eq!(cropped.shape_zyx(), [4, 1, 4]);
        assert_eq!(check(&v, &cropped), 16);
        let padded = pad(&v, [1, 0, 2], [0, 3, 1], NONE);
        assert_eq!(padded.shape_zyx(), [6, 9, 10]);
        assert_eq!(check(&v, &padded), 5 * 6 * 7);
        for (shape, kept) in [
            ([5, 6, 7], 210),
            ([8, 6, 9], 210),
            ([2, 3, 4], 24),
            ([9, 3, 8], 5 * 3 * 7),
            ([1, 1, 1], 1),
        ] {
            let other = centre_crop_or_pad(&v, shape, NONE);
            assert_eq!(other.shape_zyx(), shape);
            assert_eq!(check(&v, &other), kept, "{shape:?}");
            let larger = pad_to_shape(&v, shape, NONE);
            assert_eq!(check(&v, &larger), 210);
            let back = centre_crop_or_pad(&larger, [5, 6, 7], NONE);
            assert_eq!(back.voxels(), v.voxels(), "{shape:?}");
        }
    }

    #[test]
    fn refuses_boxes_that_are_no_part() {
        let v = indexed([5, 6, 7]);
        for (begin_zyx, end_zyx, beyond) in [
            ([0, 0, 0], [5, 6, 8], true),
            ([6, 0, 0], [7, 6, 7], true),
            ([1, 1, 1], [2, 1, 2], false),
            ([3, 1, 1], [2, 2, 2], false),
        ] {
            match crop(&v, VoxelBox { begin_zyx, end_zyx }) {
                Err(CropError::Beyond { .. }) => assert!(beyond),
                Err(CropError::Empty { .. }) => assert!(!beyond),
                other => panic!("{other:?}"),
            }
        }
        let empty = v.map(|_| false);
        assert_eq!(
            crop_to_mask(&v, &empty, Margin::Mm(1.0)),
            Err(CropError::EmptyMask)
        );
        let full = v.map(|_| true);
        for mm in [-1.0, f64::NAN, f64::INFINITY] {
            let refused = crop_to_mask(&v, &full, Margin::Mm(mm));
            assert!(matches!(refused, Err(CropError::Margin { .. })));
        }
        let other = pad(&full, [0; 3], [0, 0, 1], true);
        let refused = crop_to_mask(&v, &other, Margin::Mm(1.0));
        assert!(matches!(refused, Err(CropError::OtherGrid { .. })));
    }
}
