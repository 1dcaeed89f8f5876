//! Axes brought along the world's, without interpolation.

use glam::{DAffine3, DMat3};
use ndarray::{ArrayView3, Axis};

use crate::{Geometry, Volume};

/// The same voxels with axes permuted and flipped so that x, y and z run nearest to right, anterior
/// and superior. Each voxel keeps its world position; an oblique volume stays oblique.
pub fn reorient_to_ras<T: Clone>(volume: &Volume<T>) -> Volume<T> {
    let order = RasOrder::of(volume.geometry());
    let voxels = order.of_voxels(volume.voxels().view());
    let voxels = voxels.as_standard_layout().into_owned();
    Volume::new(voxels, order.of_geometry(volume))
}

/// How voxel axes are permuted and flipped to run nearest to right, anterior and superior, and back; no voxel is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RasOrder {
    /// The voxel axis that becomes world axis 0, 1 and 2.
    source: [usize; 3],
    /// Whether it runs against it.
    is_against: [bool; 3],
}

impl RasOrder {
    /// The order of a volume's axes.
    pub fn of(geometry: &Geometry) -> Self {
        let (mut source, mut is_against) = ([0; 3], [false; 3]);
        for (voxel_axis, (world_axis, is_along)) in geometry.nearest_world_axes().iter().enumerate()
        {
            source[*world_axis] = voxel_axis;
            is_against[*world_axis] = !is_along;
        }
        Self { source, is_against }
    }

    /// Voxels `(z, y, x)` of a volume of this order, along the world's axes.
    pub fn of_voxels<'a, T>(&self, voxels: ArrayView3<'a, T>) -> ArrayView3<'a, T> {
        // Voxel axis x is array axis 2.
        let [x, y, z] = self.source;
        let mut ras = voxels.permuted_axes([2 - z, 2 - y, 2 - x]);
        for world_axis in (0..3).filter(|axis| self.is_against[*axis]) {
            ras.invert_axis(Axis(2 - world_axis));
        }
        ras
    }

    /// The way back from [`Self::of_voxels`].
    pub fn to_voxels<'a, T>(&self, ras: ArrayView3<'a, T>) -> ArrayView3<'a, T> {
        let mut voxels = ras;
        let mut axes = [0; 3];
        for world_axis in 0..3 {
            axes[2 - self.source[world_axis]] = 2 - world_axis;
            if self.is_against[world_axis] {
                voxels.invert_axis(Axis(2 - world_axis));
            }
        }
        voxels.permuted_axes(axes)
    }

    fn of_geometry<T>(&self, volume: &Volume<T>) -> Geometry {
        let affine = volume.geometry().world_from_voxel();
        let columns = affine.matrix3.to_cols_array_2d().map(glam::DVec3::from);
        let [z, y, x] = volume.shape_zyx();
        let mut translation = affine.translation;
        let [x, y, z] = [0, 1, 2].map(|world_axis| {
            let voxel_axis = self.source[world_axis];
            let column = columns[voxel_axis];
            if !self.is_against[world_axis] {
                return column;
            }
            translation += column * [x, y, z][voxel_axis].saturating_sub(1) as f64;
            -column
        });
        Geometry::from_invertible(DAffine3 {
            matrix3: DMat3::from_cols(x, y, z),
            translation,
        })
    }
}

#[cfg(test)]
mod tests {
    use glam::DVec3;
    use ndarray::Array3;
    use proptest::prelude::*;

    use super::*;

    fn signed_permutation(which: usize, signs: usize) -> DMat3 {
        let axes = [DVec3::X, DVec3::Y, DVec3::Z];
        let orders = [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ];
        let [x, y, z] = [0, 1, 2].map(|k| {
            let sign = if signs >> k & 1 == 1 { -1.0 } else { 1.0 };
            axes[orders[which][k]] * sign * (k + 1) as f64
        });
        DMat3::from_cols(x, y, z)
    }

    proptest! {
        #[test]
        fn every_voxel_keeps_its_place(which in 0usize..6, signs in 0usize..8, tilt in -0.3f64..0.3) {
            let rotation = DMat3::from_rotation_z(tilt);
            let affine = DAffine3 {
                matrix3: rotation * signed_permutation(which, signs),
                translation: DVec3::new(3.0, -5.0, 7.0),
            };
            let volume = Volume::new(
                Array3::from_shape_fn((2, 3, 4), |(z, y, x)| (z, y, x)),
                Geometry::new(affine).unwrap(),
            );
            let oriented = reorient_to_ras(&volume);
            prop_assert_eq!(oriented.geometry().orientation(), "RAS");
            for (at, source) in oriented.voxels().indexed_iter() {
                let world = |g: &Geometry, (z, y, x): (usize, usize, usize)| {
                    g.world_from_voxel().transform_point3(DVec3::new(x as f64, y as f64, z as f64))
                };
                let moved = world(oriented.geometry(), at).distance(world(volume.geometry(), *source));
                prop_assert!(moved < 1e-9, "{} mm", moved);
            }
            let order = RasOrder::of(volume.geometry());
            prop_assert_eq!(order.to_voxels(oriented.voxels().view()), volume.voxels().view());
        }
    }
}
