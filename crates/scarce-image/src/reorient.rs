//! Axes brought along the world's, without interpolation.

use glam::{DAffine3, DMat3};

use crate::{Geometry, Volume};

/// The same voxels with axes permuted and flipped so that x, y and z run nearest to right, anterior
/// and superior. Each voxel keeps its world position; an oblique volume stays oblique.
pub fn reorient_to_ras<T: Clone>(volume: &Volume<T>) -> Volume<T> {
    let affine = volume.geometry().world_from_voxel();
    let nearest = volume.geometry().nearest_world_axes();
    let columns = [
        affine.matrix3.x_axis,
        affine.matrix3.y_axis,
        affine.matrix3.z_axis,
    ];
    let shape_xyz = {
        let [z, y, x] = volume.shape_zyx();
        [x, y, z]
    };
    // The voxel axis that becomes world axis 0, 1 and 2.
    let mut source = [0; 3];
    for (voxel_axis, (world_axis, _)) in nearest.iter().enumerate() {
        source[*world_axis] = voxel_axis;
    }
    // Voxel axis x is array axis 2.
    let mut view =
        volume
            .voxels()
            .view()
            .permuted_axes([2 - source[2], 2 - source[1], 2 - source[0]]);
    let mut new_columns = columns;
    let mut translation = affine.translation;
    for world_axis in 0..3 {
        let voxel_axis = source[world_axis];
        new_columns[world_axis] = columns[voxel_axis];
        if !nearest[voxel_axis].1 {
            view.invert_axis(ndarray::Axis(2 - world_axis));
            let last = shape_xyz[voxel_axis].saturating_sub(1) as f64;
            translation += columns[voxel_axis] * last;
            new_columns[world_axis] = -columns[voxel_axis];
        }
    }
    let [x, y, z] = new_columns;
    let oriented = DAffine3 {
        matrix3: DMat3::from_cols(x, y, z),
        translation,
    };
    Volume::new(view.to_owned(), Geometry::from_invertible(oriented))
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
        }
    }
}
