//! Where voxels lie in the patient: the affine map from voxel indices to world millimetres.

use glam::{DAffine3, DMat3, DVec3};
use thiserror::Error;

/// The affine map from voxel indices to the world.
///
/// A voxel index is `(x, y, z)` here, the NIfTI order `(i, j, k)`, with `x` the fastest axis in
/// memory; arrays are indexed `[z, y, x]`. The world is RAS in mm: `+x` right, `+y` anterior,
/// `+z` superior. Integer indices are voxel centres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    world_from_voxel: DAffine3,
}

/// Why a geometry was refused.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum GeometryError {
    /// An entry of the affine is NaN or infinite.
    #[error("the affine has a non-finite entry: {affine}")]
    NonFinite {
        /// The affine as it was given.
        affine: String,
    },
    /// The affine maps the volume onto a plane, a line or a point.
    #[error("the affine is singular: its determinant is {determinant:e}, expected non-zero")]
    Singular {
        /// Determinant of the 3×3 part.
        determinant: f64,
    },
    /// A spacing is not a positive finite number.
    #[error("spacing (x, y, z) is {spacing_mm_xyz:?} mm, expected positive finite numbers")]
    Spacing {
        /// The spacing as it was given.
        spacing_mm_xyz: [f64; 3],
    },
}

impl Geometry {
    /// A geometry from its affine.
    ///
    /// # Errors
    /// [`GeometryError`] when the affine is not finite or not invertible.
    pub fn new(world_from_voxel: DAffine3) -> Result<Self, GeometryError> {
        if !world_from_voxel.is_finite() {
            return Err(GeometryError::NonFinite {
                affine: world_from_voxel.to_string(),
            });
        }
        let determinant = world_from_voxel.matrix3.determinant();
        if determinant.abs() < 1e-12 {
            return Err(GeometryError::Singular { determinant });
        }
        Ok(Self { world_from_voxel })
    }

    /// A geometry from an affine that is invertible by construction.
    pub(crate) fn from_invertible(world_from_voxel: DAffine3) -> Self {
        Self { world_from_voxel }
    }

    /// Axes along the world's, voxel `(0, 0, 0)` at the world's origin.
    ///
    /// # Errors
    /// [`GeometryError::Spacing`] unless each spacing is positive and finite.
    pub fn from_spacing_mm_xyz(spacing_mm_xyz: [f64; 3]) -> Result<Self, GeometryError> {
        Self::axis_aligned(spacing_mm_xyz, DVec3::ZERO)
    }

    /// Axes along the world's, voxel `(0, 0, 0)` at `origin_mm`.
    ///
    /// # Errors
    /// [`GeometryError::Spacing`] unless each spacing is positive and finite.
    pub fn axis_aligned(spacing_mm_xyz: [f64; 3], origin_mm: DVec3) -> Result<Self, GeometryError> {
        if spacing_mm_xyz.iter().any(|s| !s.is_finite() || *s <= 0.0) {
            return Err(GeometryError::Spacing { spacing_mm_xyz });
        }
        Self::new(DAffine3 {
            matrix3: DMat3::from_diagonal(DVec3::from_array(spacing_mm_xyz)),
            translation: origin_mm,
        })
    }

    /// The map from voxel `(x, y, z)` to world mm.
    pub fn world_from_voxel(&self) -> DAffine3 {
        self.world_from_voxel
    }

    /// The map from world mm to voxel `(x, y, z)`.
    pub fn voxel_from_world(&self) -> DAffine3 {
        self.world_from_voxel.inverse()
    }

    /// Distance between neighbouring voxel centres along x, y and z, in mm.
    pub fn spacing_mm_xyz(&self) -> [f64; 3] {
        let m = self.world_from_voxel.matrix3;
        [m.x_axis.length(), m.y_axis.length(), m.z_axis.length()]
    }

    /// The same in array order: z, y, x.
    pub fn spacing_mm_zyx(&self) -> [f64; 3] {
        let [x, y, z] = self.spacing_mm_xyz();
        [z, y, x]
    }

    /// Orientation code such as `"RAS"` or `"LPS"`: for each of the voxel axes x, y, z the world
    /// direction it runs nearest to, no world axis used twice (nibabel's `aff2axcodes`).
    pub fn orientation(&self) -> String {
        self.nearest_world_axes()
            .map(|(axis, positive)| match (axis, positive) {
                (0, true) => 'R',
                (0, false) => 'L',
                (1, true) => 'A',
                (1, false) => 'P',
                (_, true) => 'S',
                (_, false) => 'I',
            })
            .iter()
            .collect()
    }

    /// For each voxel axis x, y, z: the world axis (0 = x) it runs nearest to and whether along it.
    pub(crate) fn nearest_world_axes(&self) -> [(usize, bool); 3] {
        let m = self.world_from_voxel.matrix3;
        let columns = [m.x_axis, m.y_axis, m.z_axis].map(DVec3::normalize);
        // Of the six one-to-one assignments the one with the largest summed alignment.
        let alignment = |p: &[usize; 3]| -> f64 { (0..3).map(|v| columns[v][p[v]].abs()).sum() };
        let mut best = PERMUTATIONS[0];
        for p in &PERMUTATIONS[1..] {
            if alignment(p) > alignment(&best) + 1e-9 {
                best = *p;
            }
        }
        [0, 1, 2].map(|v| (best[v], columns[v][best[v]] >= 0.0))
    }

    /// Whether two geometries put every voxel of a grid of `shape_zyx` within `tolerance_mm` of
    /// each other.
    pub fn is_close_to(&self, other: &Self, shape_zyx: [usize; 3], tolerance_mm: f64) -> bool {
        let [nz, ny, nx] = shape_zyx.map(|n| n.saturating_sub(1) as f64);
        // An affine difference is largest at a corner.
        (0..8).all(|corner| {
            let pick = |bit: usize, end: f64| if corner >> bit & 1 == 1 { end } else { 0.0 };
            let voxel = DVec3::new(pick(0, nx), pick(1, ny), pick(2, nz));
            let a = self.world_from_voxel.transform_point3(voxel);
            let b = other.world_from_voxel.transform_point3(voxel);
            a.distance(b) <= tolerance_mm
        })
    }
}

/// A sampling grid: how many voxels, and where they lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Voxels along z, y and x.
    pub shape_zyx: [usize; 3],
    /// Where they lie.
    pub geometry: Geometry,
}

impl Grid {
    /// The grid over the same field of view with another spacing: the outer faces of the first
    /// voxels stay where they are, the count is rounded to the nearest, at least 1.
    ///
    /// # Errors
    /// [`GeometryError::Spacing`] unless each spacing is positive and finite.
    pub fn with_spacing_mm_xyz(&self, spacing_mm_xyz: [f64; 3]) -> Result<Self, GeometryError> {
        if spacing_mm_xyz.iter().any(|s| !s.is_finite() || *s <= 0.0) {
            return Err(GeometryError::Spacing { spacing_mm_xyz });
        }
        let old = self.geometry.spacing_mm_xyz();
        let scale = DVec3::from_array([0, 1, 2].map(|a| spacing_mm_xyz[a] / old[a]));
        let affine = self.geometry.world_from_voxel;
        let matrix3 = affine.matrix3 * DMat3::from_diagonal(scale);
        // The centre of the first voxel moves so that its outer corner does not.
        let translation = affine.transform_point3((scale - DVec3::ONE) * 0.5);
        let [nz, ny, nx] = self.shape_zyx;
        let count = |n: usize, s: f64| ((n as f64 / s).round() as usize).max(1);
        Ok(Self {
            shape_zyx: [count(nz, scale.z), count(ny, scale.y), count(nx, scale.x)],
            geometry: Geometry::new(DAffine3 {
                matrix3,
                translation,
            })?,
        })
    }

    /// Whether both grids have the same shape and lie within a hundredth of a voxel's edge.
    pub fn matches(&self, other: &Self) -> bool {
        let finest = self
            .geometry
            .spacing_mm_xyz()
            .into_iter()
            .fold(f64::MAX, f64::min);
        self.shape_zyx == other.shape_zyx
            && self
                .geometry
                .is_close_to(&other.geometry, self.shape_zyx, 0.01 * finest)
    }
}

/// The one-to-one assignments of voxel axes to world axes.
const PERMUTATIONS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_geometry() {
        let nan = DAffine3 {
            matrix3: DMat3::IDENTITY,
            translation: DVec3::NAN,
        };
        assert!(matches!(
            Geometry::new(nan),
            Err(GeometryError::NonFinite { .. })
        ));
        let flat = DAffine3::from_scale(DVec3::new(1.0, 0.0, 1.0));
        assert!(matches!(
            Geometry::new(flat),
            Err(GeometryError::Singular { .. })
        ));
        for spacing in [[0.0, 1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, f64::INFINITY]] {
            assert!(matches!(
                Geometry::from_spacing_mm_xyz(spacing),
                Err(GeometryError::Spacing { .. })
            ));
        }
    }

    /// Expected codes: `nibabel.aff2axcodes(affine)` for the same columns.
    #[test]
    fn names_orientations_as_nibabel() {
        let check = |columns: [[f64; 3]; 3], code: &str| {
            let [x, y, z] = columns.map(DVec3::from_array);
            let affine = DAffine3 {
                matrix3: DMat3::from_cols(x, y, z),
                translation: DVec3::ZERO,
            };
            assert_eq!(Geometry::new(affine).unwrap().orientation(), code);
        };
        check([[1., 0., 0.], [0., 1., 0.], [0., 0., 1.]], "RAS");
        check([[-1., 0., 0.], [0., -1., 0.], [0., 0., 2.]], "LPS");
        check([[0., 0., -1.5], [0.7, 0., 0.], [0., -0.7, 0.]], "IRP");
        check([[0.9, 0.1, 0.], [-0.1, 0.9, 0.2], [0., -0.2, 0.9]], "RAS");
    }

    #[test]
    fn a_new_spacing_keeps_the_field_of_view() {
        let grid = Grid {
            shape_zyx: [10, 20, 30],
            geometry: Geometry::axis_aligned([1.0, 1.0, 2.0], DVec3::new(5.0, 6.0, 7.0)).unwrap(),
        };
        let coarse = grid.with_spacing_mm_xyz([2.0, 4.0, 4.0]).unwrap();
        assert_eq!(coarse.shape_zyx, [5, 5, 15]);
        let outer_corner = |g: &Grid| {
            g.geometry
                .world_from_voxel()
                .transform_point3(DVec3::splat(-0.5))
        };
        assert!(outer_corner(&grid).distance(outer_corner(&coarse)) < 1e-12);
    }
}
