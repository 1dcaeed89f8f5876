//! All that a policy may look at.

use ndarray::{Dimension, Ix2};

use super::{CellMap, PartGrid, RegionGrid};
use crate::MaskError;

/// All that a policy may look at, on one grid: always the region, which the audit counts by; and
/// where a policy asks for them, parts and a map.
#[derive(Debug)]
pub struct Guide<'a, D: Dimension = Ix2> {
    region: &'a RegionGrid<D>,
    parts: Option<&'a PartGrid<D>>,
    map: Option<&'a CellMap<D>>,
}

#[expect(
    clippy::expl_impl_clone_on_copy,
    reason = "derived, it would ask the dimension to be `Copy`, which a dynamic one is not"
)]
impl<D: Dimension> Clone for Guide<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Dimension> Copy for Guide<'_, D> {}

impl<'a, D: Dimension> Guide<'a, D> {
    /// A region alone.
    pub fn new(region: &'a RegionGrid<D>) -> Self {
        Self {
            region,
            parts: None,
            map: None,
        }
    }

    /// With parts, for [`crate::Policy::Graded`] and [`crate::Policy::SemParts`].
    ///
    /// # Errors
    /// [`MaskError::Shape`] for another grid than the region's.
    pub fn with_parts(self, parts: &'a PartGrid<D>) -> Result<Self, MaskError> {
        self.fits("the grid of parts", parts.cells().shape())?;
        Ok(Self {
            parts: Some(parts),
            ..self
        })
    }

    /// With a map, for [`crate::Policy::Heat`], [`crate::Policy::LossGuided`] and
    /// [`crate::Policy::Attention`].
    ///
    /// # Errors
    /// [`MaskError::Shape`] for another grid than the region's.
    pub fn with_map(self, map: &'a CellMap<D>) -> Result<Self, MaskError> {
        self.fits("the map", map.cells().shape())?;
        Ok(Self {
            map: Some(map),
            ..self
        })
    }

    fn fits(&self, what: &'static str, got: &[usize]) -> Result<(), MaskError> {
        if got == self.region.shape() {
            return Ok(());
        }
        Err(MaskError::Shape {
            what,
            expected: self.region.shape().to_vec(),
            got: got.to_vec(),
        })
    }

    /// The region.
    pub fn region(&self) -> &'a RegionGrid<D> {
        self.region
    }

    /// The parts, where there are any.
    pub fn parts(&self) -> Option<&'a PartGrid<D>> {
        self.parts
    }

    /// The map, where there is one.
    pub fn map(&self) -> Option<&'a CellMap<D>> {
        self.map
    }

    pub(crate) fn parts_for(&self, policy: &'static str) -> Result<&'a PartGrid<D>, MaskError> {
        let what = "parts";
        self.parts.ok_or(MaskError::Missing { policy, what })
    }

    pub(crate) fn map_for(&self, policy: &'static str) -> Result<&'a CellMap<D>, MaskError> {
        let what = "a map";
        self.map.ok_or(MaskError::Missing { policy, what })
    }
}

impl<'a, D: Dimension> From<&'a RegionGrid<D>> for Guide<'a, D> {
    fn from(region: &'a RegionGrid<D>) -> Self {
        Self::new(region)
    }
}
