//! The body and not the air: a region without any model.

use std::collections::BTreeMap;

use ndarray::{Array3, Axis};
use scarce_image::{Connectivity, Mask, Volume, fill_holes, largest_component, percentiles};
use serde_json::json;

use crate::binarize::{BoxExpansion, two_means_threshold};
use crate::cache::Identity;
use crate::{LocalizeError, Localizer, Provenance, Region};

/// Intensities beyond these percentiles do not move the threshold.
const PERCENTILES: [f64; 2] = [0.5, 99.5];

/// Finds the largest bright part, whatever the prompt: air is dark in CT and MR alike. Holes are filled in the volume and in
/// each slice, so that lungs belong to the body though the airways open them.
#[derive(Debug, Clone, Copy, Default)]
pub struct ForegroundLocalizer;

impl Localizer for ForegroundLocalizer {
    /// The prompt is recorded, and changes nothing. An image of one value has no foreground.
    fn localize(&mut self, image: &Volume<f32>, prompt: &str) -> Result<Region, LocalizeError> {
        let [black, white] = percentiles(image, PERCENTILES, None)?;
        let share = |value: &f32| ((value - black) / (white - black)).clamp(0.0, 1.0);
        let (mask, threshold) = if black < white {
            let threshold =
                two_means_threshold(&image.voxels().iter().map(share).collect::<Vec<_>>());
            let bright = image.map(|value| share(value) > threshold);
            let body = largest_component(&bright, Connectivity::Faces6);
            (fill_in_slices(&fill_holes(&body)), threshold)
        } else {
            (image.map(|_| false), 1.0)
        };
        let provenance = Provenance {
            localizer: "foreground".to_owned(),
            prompt: prompt.to_owned(),
            models: Vec::new(),
            matches: Vec::new(),
            settings: BTreeMap::from([(
                "threshold".to_owned(),
                json!(black + threshold * (white - black)),
            )]),
        };
        let boxes = BoxExpansion::default().boxes("foreground", &mask);
        let heat = mask.map(|inside| f32::from(u8::from(*inside)));
        Ok(Region::new(heat, mask, boxes, 1.0, provenance)?)
    }

    fn identity(&self) -> Identity {
        Identity {
            localizer: "foreground".to_owned(),
            models: Vec::new(),
            settings: BTreeMap::new(),
        }
    }
}

/// Holes within axial slices filled.
fn fill_in_slices(mask: &Mask) -> Mask {
    let mut voxels = mask.voxels().clone();
    let [_, ny, nx] = mask.shape_zyx();
    for mut slice in voxels.outer_iter_mut() {
        // Between two walls, or all of the slice would lie at the volume's border, where holes are open.
        let mut walled = Array3::from_elem((3, ny, nx), true);
        walled.index_axis_mut(Axis(0), 1).assign(&slice);
        let filled = fill_holes(&Volume::new(walled, *mask.geometry()));
        slice.assign(&filled.voxels().index_axis(Axis(0), 1));
    }
    Volume::new(voxels, *mask.geometry())
}

#[cfg(test)]
mod tests {
    use scarce_image::Geometry;

    use super::*;

    #[test]
    fn finds_the_body_with_its_lungs_and_nothing_in_air() {
        let check = |value: fn(f32) -> f32, voxels: usize| {
            // A body around a lung that opens at the top slice, and a table apart.
            let image = Array3::from_shape_fn((4, 20, 20), |(z, y, x)| {
                let body = (3..15).contains(&y) && (4..16).contains(&x);
                let lung = (6..10).contains(&y) && (6..10).contains(&x);
                value(f32::from(u8::from((body && !lung) || (y == 17 && z < 3))))
            });
            let image = Volume::new(image, Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap());
            let region = ForegroundLocalizer.localize(&image, "body").unwrap();
            assert_eq!(region.voxel_count(), voxels);
        };
        check(|inside| 1000.0 * inside - 1000.0, 4 * 12 * 12);
        check(|inside| 0.1 + 0.7 * inside, 4 * 12 * 12);
        check(|_| 5.0, 0);
    }
}
