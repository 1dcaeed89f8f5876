//! Regions that are known: masks, boxes, annotations. The oracle that guidance by a model is compared with.

use std::collections::BTreeMap;

use ndarray::Array3;
use scarce_image::{Grid, Mask, Volume};
use serde_json::json;

use crate::binarize::BoxExpansion;
use crate::cache::{Identity, volume_sha256};
use crate::region::in_words;
use crate::{LocalizeError, Localizer, Provenance, Region, RegionBox};

/// Answers each prompt with the same region, on the grid that it was made for.
#[derive(Debug, Clone)]
pub struct GivenLocalizer {
    mask: Mask,
    boxes: Vec<RegionBox>,
    source: String,
}

impl GivenLocalizer {
    /// A region as a mask; `source` says where it comes from, for the provenance.
    pub fn from_mask(mask: Mask, source: &str) -> Self {
        let boxes = BoxExpansion::default().boxes("given", &mask);
        Self {
            mask,
            boxes,
            source: source.to_owned(),
        }
    }

    /// A region as boxes of voxels `(start, stop)`, `(z, y, x)`; what lies outside of the grid is cut off.
    pub fn from_boxes(grid: &Grid, boxes_zyx: &[([usize; 3], [usize; 3])], source: &str) -> Self {
        let shape = grid.shape_zyx;
        let cut = |at: [usize; 3]| [0, 1, 2].map(|axis| at[axis].min(shape[axis]));
        let boxes: Vec<RegionBox> = boxes_zyx
            .iter()
            .map(|(start, stop)| (cut(*start), cut(*stop)))
            .filter(|(start, stop)| (0..3).all(|axis| start[axis] < stop[axis]))
            .map(|(start, stop)| RegionBox::new("given", start, stop, &grid.geometry))
            .collect();
        let is_inside = |zyx: [usize; 3]| {
            boxes.iter().any(|found| {
                (0..3).all(|a| (found.start_zyx[a]..found.stop_zyx[a]).contains(&zyx[a]))
            })
        };
        let voxels = Array3::from_shape_fn(shape, |(z, y, x)| is_inside([z, y, x]));
        Self {
            mask: Volume::new(voxels, grid.geometry),
            boxes,
            source: source.to_owned(),
        }
    }
}

impl Localizer for GivenLocalizer {
    /// The prompt is recorded, and changes nothing.
    fn localize(&mut self, image: &Volume<f32>, prompt: &str) -> Result<Region, LocalizeError> {
        if !self.mask.grid().matches(&image.grid()) {
            return Err(LocalizeError::GridMismatch {
                what: "given region",
                expected: in_words(&self.mask.grid()),
                got: in_words(&image.grid()),
            });
        }
        let provenance = Provenance {
            localizer: "given".to_owned(),
            prompt: prompt.to_owned(),
            models: Vec::new(),
            matches: Vec::new(),
            settings: BTreeMap::from([("source".to_owned(), json!(self.source))]),
        };
        let heat = self.mask.map(|inside| f32::from(u8::from(*inside)));
        let (mask, boxes) = (self.mask.clone(), self.boxes.clone());
        Ok(Region::new(heat, mask, boxes, 1.0, provenance)?)
    }

    fn identity(&self) -> Identity {
        let heat = self.mask.map(|inside| f32::from(u8::from(*inside)));
        Identity {
            localizer: "given".to_owned(),
            models: Vec::new(),
            settings: BTreeMap::from([
                ("source".to_owned(), json!(self.source)),
                ("mask_sha256".to_owned(), json!(volume_sha256(&heat))),
                ("boxes".to_owned(), json!(self.boxes)),
            ]),
        }
    }
}

#[cfg(test)]
mod tests {
    use scarce_image::Geometry;

    use super::*;

    fn grid() -> Grid {
        Grid {
            shape_zyx: [2, 4, 5],
            geometry: Geometry::from_spacing_mm_xyz([1.0, 2.0, 3.0]).unwrap(),
        }
    }

    #[test]
    fn boxes_are_cut_to_the_grid_and_none_may_be_left() {
        let check = |boxes: &[([usize; 3], [usize; 3])], voxels: usize, n_boxes: usize| {
            let mut localizer = GivenLocalizer::from_boxes(&grid(), boxes, "test");
            let image = Volume::new(Array3::zeros((2, 4, 5)), grid().geometry);
            let region = localizer.localize(&image, "anything").unwrap();
            assert_eq!(
                (region.voxel_count(), region.boxes().len()),
                (voxels, n_boxes)
            );
        };
        check(&[([0, 1, 1], [2, 3, 3])], 8, 1);
        check(&[([1, 2, 3], [9, 9, 9])], 4, 1);
        check(&[([0, 0, 0], [1, 1, 2]), ([0, 0, 1], [1, 1, 3])], 3, 2);
        check(&[([0, 4, 0], [1, 9, 2])], 0, 0);
        check(&[], 0, 0);
    }

    #[test]
    fn another_grid_is_refused() {
        let mut localizer = GivenLocalizer::from_boxes(&grid(), &[], "test");
        let image = Volume::new(Array3::zeros((2, 4, 4)), grid().geometry);
        let refused = localizer.localize(&image, "x");
        assert!(matches!(refused, Err(LocalizeError::GridMismatch { .. })));
    }
}
