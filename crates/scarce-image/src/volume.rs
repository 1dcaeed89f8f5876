//! A 3-D array with its geometry.

use ndarray::{Array3, ArrayView2, Axis};
use thiserror::Error;

use crate::{Geometry, Grid};

/// Voxels in `(z, y, x)` order and where they lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume<T> {
    voxels: Array3<T>,
    geometry: Geometry,
}

/// A label for each voxel, 0 the background.
pub type LabelMap = Volume<u16>;

/// A binary volume, `true` = inside.
pub type Mask = Volume<bool>;

/// Two arrays that belong together differ in shape.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{what}: expected shape {expected:?}, got {got:?}")]
pub struct ShapeError {
    /// What was compared.
    pub what: &'static str,
    /// The shape that was needed.
    pub expected: Vec<usize>,
    /// The shape that was found.
    pub got: Vec<usize>,
}

impl<T> Volume<T> {
    /// A volume from voxels in `(z, y, x)` order; they are brought into C-order if they are not.
    pub fn new(voxels: Array3<T>, geometry: Geometry) -> Self
    where
        T: Clone,
    {
        let voxels = if voxels.is_standard_layout() {
            voxels
        } else {
            voxels.as_standard_layout().into_owned()
        };
        Self { voxels, geometry }
    }

    /// The voxels, `(z, y, x)`, always C-order.
    pub fn voxels(&self) -> &Array3<T> {
        &self.voxels
    }

    /// The voxels without their geometry.
    pub fn into_voxels(self) -> Array3<T> {
        self.voxels
    }

    /// Where the voxels lie.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Voxels along z, y and x.
    pub fn shape_zyx(&self) -> [usize; 3] {
        self.voxels.dim().into()
    }

    /// Shape and geometry together.
    pub fn grid(&self) -> Grid {
        Grid {
            shape_zyx: self.shape_zyx(),
            geometry: self.geometry,
        }
    }

    /// The `z`-th slice, `(y, x)`; `None` beyond the last.
    pub fn slice_z(&self, z: usize) -> Option<ArrayView2<'_, T>> {
        (z < self.voxels.len_of(Axis(0))).then(|| self.voxels.index_axis(Axis(0), z))
    }

    /// Another value at each voxel, the geometry kept.
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> Volume<U> {
        Volume {
            voxels: self.voxels.map(f),
            geometry: self.geometry,
        }
    }

    /// Other voxels on the same grid.
    ///
    /// # Errors
    /// [`ShapeError`] when `voxels` has another shape.
    pub fn with_voxels<U: Clone>(&self, voxels: Array3<U>) -> Result<Volume<U>, ShapeError> {
        if voxels.dim() == self.voxels.dim() {
            Ok(Volume::new(voxels, self.geometry))
        } else {
            Err(ShapeError {
                what: "voxels for a volume's grid",
                expected: self.voxels.shape().to_vec(),
                got: voxels.shape().to_vec(),
            })
        }
    }
}
