//! From header fields to an affine, by nibabel's rules.

use glam::{DAffine3, DMat3, DQuat, DVec3};
use nifti::NiftiHeader;
use scarce_image::Geometry;

/// `world_from_voxel` in the header's own unit: the sform where its code is set, else the qform,
/// else nibabel's base affine (x flipped, the volume's centre at the origin).
pub(super) fn world_from_voxel(header: &NiftiHeader, shape_xyz: [usize; 3]) -> (DAffine3, Source) {
    let rows = [header.srow_x, header.srow_y, header.srow_z].map(|row| row.map(f64::from));
    if header.sform_code > 0 {
        let column = |c: usize| DVec3::new(rows[0][c], rows[1][c], rows[2][c]);
        let matrix3 = DMat3::from_cols(column(0), column(1), column(2));
        return (
            DAffine3 {
                matrix3,
                translation: column(3),
            },
            Source::Sform,
        );
    }
    let [_, dx, dy, dz, ..] = header.pixdim.map(f64::from);
    let spacing = DVec3::new(dx.abs(), dy.abs(), dz.abs());
    if header.qform_code > 0 {
        let [b, c, d] = [header.quatern_b, header.quatern_c, header.quatern_d].map(f64::from);
        let squares = b * b + c * c + d * d;
        // Rounding can leave a quaternion a little longer than 1.
        let rotation = DQuat::from_xyzw(b, c, d, (1.0 - squares).max(0.0).sqrt()).normalize();
        let handedness = if header.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
        let scale = spacing * DVec3::new(1.0, 1.0, handedness);
        let matrix3 = DMat3::from_quat(rotation) * DMat3::from_diagonal(scale);
        let offset = [header.quatern_x, header.quatern_y, header.quatern_z].map(f64::from);
        return (
            DAffine3 {
                matrix3,
                translation: DVec3::from_array(offset),
            },
            Source::Qform,
        );
    }
    let matrix3 = DMat3::from_diagonal(spacing * DVec3::new(-1.0, 1.0, 1.0));
    let centre = DVec3::from_array(shape_xyz.map(|n| (n as f64 - 1.0) / 2.0));
    (
        DAffine3 {
            matrix3,
            translation: -(matrix3 * centre),
        },
        Source::Spacing,
    )
}

/// Which fields the affine came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Sform,
    Qform,
    Spacing,
}

/// The qform fields of a geometry: quaternion b, c, d and handedness; none for sheared axes, which
/// a qform cannot say.
pub(super) fn quaternion(geometry: &Geometry) -> Option<([f32; 3], f32)> {
    let m = geometry.world_from_voxel().matrix3;
    let mut columns = [m.x_axis, m.y_axis, m.z_axis].map(DVec3::normalize);
    let skew = (0..3)
        .map(|a| columns[a].dot(columns[(a + 1) % 3]).abs())
        .fold(0.0, f64::max);
    if skew > 1e-5 {
        return None;
    }
    let right_handed = columns[0].cross(columns[1]).dot(columns[2]) > 0.0;
    if !right_handed {
        columns[2] = -columns[2];
    }
    let [x, y, z] = columns;
    let mut q = DQuat::from_mat3(&DMat3::from_cols(x, y, z)).normalize();
    // The header leaves out the real part and takes it as positive.
    if q.w < 0.0 {
        q = -q;
    }
    Some((
        [q.x as f32, q.y as f32, q.z as f32],
        if right_handed { 1.0 } else { -1.0 },
    ))
}
