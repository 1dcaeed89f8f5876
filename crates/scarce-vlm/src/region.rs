//! What a localizer answers with.

use ndarray::Array3;
use scarce_image::{Geometry, Grid, Mask, Volume, glam::DVec3};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{MatchedLabel, ModelRecord, Provenance};

/// A box in a volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegionBox {
    /// What the box is around.
    pub name: String,
    /// First voxel inside, `(z, y, x)`.
    pub start_zyx: [usize; 3],
    /// First voxel outside, `(z, y, x)`.
    pub stop_zyx: [usize; 3],
    /// World position (RAS, x y z, mm) of the outer corner of the first voxel inside.
    pub start_corner_mm: [f64; 3],
    /// World position (RAS, x y z, mm) of the opposite outer corner, of the last voxel inside.
    pub stop_corner_mm: [f64; 3],
}

impl RegionBox {
    /// The box over voxels `start_zyx..stop_zyx`.
    pub fn new(
        name: impl Into<String>,
        start_zyx: [usize; 3],
        stop_zyx: [usize; 3],
        geometry: &Geometry,
    ) -> Self {
        // Integer indices are voxel centres, so the outer face lies half a voxel before the first.
        let corner = |[z, y, x]: [usize; 3]| {
            let voxel = DVec3::new(x as f64, y as f64, z as f64) - DVec3::splat(0.5);
            geometry
                .world_from_voxel()
                .transform_point3(voxel)
                .to_array()
        };
        Self {
            name: name.into(),
            start_zyx,
            stop_zyx,
            start_corner_mm: corner(start_zyx),
            stop_corner_mm: corner(stop_zyx),
        }
    }

    /// The tightest box around the `true` voxels, `None` if there is none.
    pub fn around(name: impl Into<String>, mask: &Mask) -> Option<Self> {
        let mut extent = Extent::default();
        for (at, inside) in mask.voxels().iter().enumerate() {
            if *inside {
                extent.include(voxel_at(at, mask.shape_zyx()));
            }
        }
        extent.into_box(name, mask.geometry())
    }
}

/// The `(z, y, x)` of the `at`-th voxel in C-order; several times faster than ndarray's indexed
/// iteration where few voxels matter.
pub(crate) fn voxel_at(at: usize, [_, ny, nx]: [usize; 3]) -> [usize; 3] {
    [at / (ny * nx), at / nx % ny, at % nx]
}

/// A grid in words, for messages.
pub(crate) fn in_words(grid: &Grid) -> String {
    let origin = grid.geometry.world_from_voxel().translation;
    format!(
        "shape {:?}, spacing {:?} mm (z, y, x), {} from ({:.3}, {:.3}, {:.3}) mm",
        grid.shape_zyx,
        grid.geometry.spacing_mm_zyx(),
        grid.geometry.orientation(),
        origin.x,
        origin.y,
        origin.z
    )
}

/// The smallest index range that holds what was included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    start_zyx: [usize; 3],
    stop_zyx: [usize; 3],
}

impl Default for Extent {
    fn default() -> Self {
        Self {
            start_zyx: [usize::MAX; 3],
            stop_zyx: [0; 3],
        }
    }
}

impl Extent {
    pub(crate) fn include(&mut self, voxel_zyx: [usize; 3]) {
        for (axis, index) in voxel_zyx.into_iter().enumerate() {
            self.start_zyx[axis] = self.start_zyx[axis].min(index);
            self.stop_zyx[axis] = self.stop_zyx[axis].max(index + 1);
        }
    }

    pub(crate) fn into_box(
        self,
        name: impl Into<String>,
        geometry: &Geometry,
    ) -> Option<RegionBox> {
        (self.stop_zyx[0] > 0)
            .then(|| RegionBox::new(name, self.start_zyx, self.stop_zyx, geometry))
    }
}

/// Why the parts do not make a region.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum RegionError {
    /// Heat and mask lie on different grids.
    #[error("heat of shape {heat_zyx:?} and mask of shape {mask_zyx:?} lie on different grids")]
    Grid {
        /// Shape of the heat map.
        heat_zyx: [usize; 3],
        /// Shape of the mask.
        mask_zyx: [usize; 3],
    },
    /// A heat value is NaN or outside 0 to 1.
    #[error("heat at (z, y, x) = {at_zyx:?} is {value}, expected 0 to 1")]
    Heat {
        /// Where.
        at_zyx: [usize; 3],
        /// What was found.
        value: f32,
    },
    /// The score is NaN or infinite.
    #[error("the region's score is {score}, expected a finite number")]
    Score {
        /// What was found.
        score: f32,
    },
    /// A box is empty or leaves the grid.
    #[error(
        "box {name:?} from {start_zyx:?} to {stop_zyx:?} (exclusive) is empty or leaves the grid of shape {shape_zyx:?}"
    )]
    Box {
        /// What the box is around.
        name: String,
        /// First voxel inside.
        start_zyx: [usize; 3],
        /// First voxel outside.
        stop_zyx: [usize; 3],
        /// Shape of the grid.
        shape_zyx: [usize; 3],
    },
}

/// Where in a volume a prompt is spoken of.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    heat: Volume<f32>,
    mask: Mask,
    boxes: Vec<RegionBox>,
    score: f32,
    provenance: Provenance,
}

impl Region {
    /// A region from its parts, checked against one another.
    ///
    /// # Errors
    /// [`RegionError`] when the grids differ, a heat value is outside 0 to 1, the score is not
    /// finite or a box is empty or leaves the grid.
    pub fn new(
        heat: Volume<f32>,
        mask: Mask,
        boxes: Vec<RegionBox>,
        score: f32,
        provenance: Provenance,
    ) -> Result<Self, RegionError> {
        if !heat.grid().matches(&mask.grid()) {
            return Err(RegionError::Grid {
                heat_zyx: heat.shape_zyx(),
                mask_zyx: mask.shape_zyx(),
            });
        }
        let is_heat = |value: &f32| (0.0..=1.0).contains(value);
        if let Some((at, value)) = heat.voxels().iter().enumerate().find(|(_, v)| !is_heat(v)) {
            let at_zyx = voxel_at(at, heat.shape_zyx());
            return Err(RegionError::Heat {
                at_zyx,
                value: *value,
            });
        }
        if !score.is_finite() {
            return Err(RegionError::Score { score });
        }
        let shape_zyx = mask.shape_zyx();
        for b in &boxes {
            if (0..3).any(|a| b.start_zyx[a] >= b.stop_zyx[a] || b.stop_zyx[a] > shape_zyx[a]) {
                return Err(RegionError::Box {
                    name: b.name.clone(),
                    start_zyx: b.start_zyx,
                    stop_zyx: b.stop_zyx,
                    shape_zyx,
                });
            }
        }
        Ok(Self {
            heat,
            mask,
            boxes,
            score,
            provenance,
        })
    }

    /// How strongly each voxel is spoken of, 0 to 1.
    pub fn heat(&self) -> &Volume<f32> {
        &self.heat
    }

    /// The voxels inside.
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// Boxes around the region's parts.
    pub fn boxes(&self) -> &[RegionBox] {
        &self.boxes
    }

    /// How sure the localizer is; comparable only within one back-end.
    pub fn score(&self) -> f32 {
        self.score
    }

    /// What made the region.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// How many voxels are inside.
    pub fn voxel_count(&self) -> usize {
        self.mask.voxels().iter().filter(|inside| **inside).count()
    }

    /// The mask as a label map's voxels: 1 inside, 0 outside, `(z, y, x)`.
    pub fn mask_labels(&self) -> Array3<u16> {
        self.mask.voxels().mapv(u16::from)
    }

    /// The content of `localization.json`.
    pub fn localization(&self) -> Localization {
        let Provenance {
            localizer,
            prompt,
            models,
            matches,
            settings,
        } = self.provenance.clone();
        Localization {
            prompt,
            localizer,
            score: self.score,
            boxes: self.boxes.clone(),
            models,
            matches,
            settings,
        }
    }
}

/// A region without its voxels: what `localization.json` holds. Field order is fixed, so equal
/// regions give equal bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Localization {
    /// The prompt as it was given.
    pub prompt: String,
    /// The back-end.
    pub localizer: String,
    /// How sure it is.
    pub score: f32,
    /// Boxes around the region's parts.
    pub boxes: Vec<RegionBox>,
    /// Each model file that was used.
    pub models: Vec<ModelRecord>,
    /// The labels in the region.
    pub matches: Vec<MatchedLabel>,
    /// The back-end's own settings and findings.
    pub settings: std::collections::BTreeMap<String, serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn geometry() -> Geometry {
        Geometry::axis_aligned([1.0, 2.0, 3.0], DVec3::new(10.0, 20.0, 30.0)).unwrap()
    }

    fn provenance() -> Provenance {
        Provenance {
            localizer: "given".into(),
            prompt: "heart".into(),
            models: vec![],
            matches: vec![],
            settings: BTreeMap::from([("k".into(), 1.into())]),
        }
    }

    fn mask_of(inside: &[[usize; 3]]) -> Mask {
        let mut voxels = Array3::from_elem((4, 5, 6), false);
        for zyx in inside {
            voxels[*zyx] = true;
        }
        Volume::new(voxels, geometry())
    }

    #[test]
    fn boxes_are_tight_and_reach_the_outer_faces() {
        let b = RegionBox::around("heart", &mask_of(&[[1, 2, 3], [3, 2, 4]])).unwrap();
        assert_eq!((b.start_zyx, b.stop_zyx), ([1, 2, 3], [4, 3, 5]));
        // origin + spacing * (index - 0.5), x y z
        let close = |got: [f64; 3], expected: [f64; 3]| {
            assert!(
                (0..3).all(|a| (got[a] - expected[a]).abs() < 1e-12),
                "{got:?}"
            );
        };
        close(b.start_corner_mm, [12.5, 23.0, 31.5]);
        close(b.stop_corner_mm, [14.5, 25.0, 40.5]);
        assert_eq!(RegionBox::around("nothing", &mask_of(&[])), None);
    }

    #[test]
    fn refuses_parts_that_do_not_fit() {
        let mask = mask_of(&[[1, 2, 3]]);
        let heat = |value: f32| mask.map(|m| if *m { value } else { 0.0 });
        let whole = RegionBox::around("heart", &mask).unwrap();
        let check = |heat: Volume<f32>, b: &RegionBox, score: f32| {
            Region::new(heat, mask.clone(), vec![b.clone()], score, provenance())
        };
        assert!(check(heat(1.0), &whole, 0.5).is_ok());
        for value in [1.5, -0.1, f32::NAN] {
            assert!(matches!(
                check(heat(value), &whole, 0.5),
                Err(RegionError::Heat {
                    at_zyx: [1, 2, 3],
                    ..
                })
            ));
        }
        assert!(matches!(
            check(heat(1.0), &whole, f32::NAN),
            Err(RegionError::Score { .. })
        ));
        let small = Volume::new(Array3::zeros((4, 5, 5)), geometry());
        assert!(matches!(
            check(small, &whole, 0.5),
            Err(RegionError::Grid { .. })
        ));
        let moved = Volume::new(
            Array3::zeros((4, 5, 6)),
            Geometry::from_spacing_mm_xyz([1.0, 2.0, 3.0]).unwrap(),
        );
        assert!(matches!(
            check(moved, &whole, 0.5),
            Err(RegionError::Grid { .. })
        ));
        for (start, stop) in [([0, 0, 0], [5, 1, 1]), ([1, 1, 1], [1, 2, 2])] {
            let b = RegionBox::new("box", start, stop, &geometry());
            assert!(matches!(
                check(heat(1.0), &b, 0.5),
                Err(RegionError::Box { .. })
            ));
        }
    }

    #[test]
    fn the_record_has_fixed_keys_in_fixed_order() {
        let mask = mask_of(&[[0, 0, 0]]);
        let boxes = vec![RegionBox::around("heart", &mask).unwrap()];
        let heat = mask.map(|m| f32::from(u8::from(*m)));
        let region = Region::new(heat, mask, boxes, 0.75, provenance()).unwrap();
        assert_eq!(
            serde_json::to_string(&region.localization()).unwrap(),
            r#"{"prompt":"heart","localizer":"given","score":0.75,"boxes":[{"name":"heart","start_zyx":[0,0,0],"stop_zyx":[1,1,1],"start_corner_mm":[9.5,19.0,28.5],"stop_corner_mm":[10.5,21.0,31.5]}],"models":[],"matches":[],"settings":{"k":1}}"#
        );
        assert_eq!(region.voxel_count(), 1);
        assert_eq!(region.mask_labels().sum(), 1);
    }
}
