//! From header fields to an affine, by nibabel's rules.

use glam::{DAffine3, DMat3, DQuat, DVec3};
use scarce_image::Geometry;

use super::header::Header;
use crate::IoError;
use crate::error::At;

/// `world_from_voxel` in the header's own unit: the sform where its code is set, else the qform,
/// else nibabel's base affine (x flipped, the volume's centre at the origin).
pub(super) fn world_from_voxel(
    header: &Header,
    shape_xyz: [usize; 3],
    at: At<'_>,
) -> Result<(DAffine3, Source), IoError> {
    if header.sform_code > 0 {
        let column = |c: usize| DVec3::from_array([0, 1, 2].map(|r| header.srow[r][c]));
        let matrix3 = DMat3::from_cols(column(0), column(1), column(2));
        let affine = DAffine3 {
            matrix3,
            translation: column(3),
        };
        return Ok((affine, Source::Sform));
    }
    let used = (header.dim[0].clamp(1, 3)) as usize;
    let mut spacing = [1.0; 3];
    for (axis, spacing) in spacing.iter_mut().enumerate().take(used) {
        let pixdim = header.pixdim[axis + 1];
        if !pixdim.is_finite() || pixdim == 0.0 {
            let field = format!("pixdim[{}]", axis + 1);
            return Err(at.header(&field, "a finite number that is not 0", pixdim));
        }
        *spacing = pixdim.abs();
    }
    let spacing = DVec3::from_array(spacing);
    if header.qform_code > 0 {
        let [b, c, d] = header.quatern_bcd;
        let squares = b * b + c * c + d * d;
        // Rounding can leave a quaternion a little longer than 1; nibabel's tolerance.
        if squares.is_nan() || squares > 1.0 + 3.0 * f64::from(f32::EPSILON) {
            let got = format!("{b:?}, {c:?}, {d:?}");
            return Err(at.header("quatern_b, c, d", "a vector of length up to 1", got));
        }
        let rotation = DQuat::from_xyzw(b, c, d, (1.0 - squares).max(0.0).sqrt()).normalize();
        let handedness = if header.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
        let scale = spacing * DVec3::new(1.0, 1.0, handedness);
        let affine = DAffine3 {
            matrix3: DMat3::from_quat(rotation) * DMat3::from_diagonal(scale),
            translation: DVec3::from_array(header.qoffset),
        };
        return Ok((affine, Source::Qform));
    }
    let matrix3 = DMat3::from_diagonal(spacing * DVec3::new(-1.0, 1.0, 1.0));
    let centre = DVec3::from_array(shape_xyz.map(|n| (n as f64 - 1.0) / 2.0));
    let affine = DAffine3 {
        matrix3,
        translation: -(matrix3 * centre),
    };
    Ok((affine, Source::Spacing))
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
