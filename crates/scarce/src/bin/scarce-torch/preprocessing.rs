//! From a file to what a network sees: RAS, one spacing, one scale of intensities, the part that matters.

use anyhow::Context as _;
use scarce_cli::exit::UsageError;
use scarce_image::{
    Grid, LabelInterpolation, LabelMap, Volume, VoxelBox, crop, reorient_to_ras, resample_labels,
    resample_spacing, window, z_score,
};
use serde::{Deserialize, Serialize};

/// How volumes are brought onto one grid and one intensity scale: intensities first, of the whole volume; then the crop;
/// then RAS and the spacing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preprocessing {
    /// What becomes of intensities.
    pub intensities: Intensities,
    /// Intensities (HU for CT) that become 0 and 1; what lies beyond is clipped.
    pub window: [f32; 2],
    /// Spacing along x (right), y (anterior) and z (superior).
    pub spacing_mm_xyz: [f64; 3],
    /// Voxels along each axis for one of the file's, in place of `spacing_mm_xyz`: 0.5 is half resolution, 1 keeps the
    /// voxels.
    pub scale: Option<f64>,
    /// The part that is kept; all of the volume if left out.
    pub crop: Option<Crop>,
}

/// What becomes of intensities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intensities {
    /// `window` becomes 0 to 1.
    Window,
    /// Mean 0 and variance 1 over the whole volume, whatever is cropped later.
    ZScore,
    /// They stay as they are, such as those of a set that was normalised before.
    AsStored,
}

/// The part of a volume that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Crop {
    /// About what is labelled, as the left-atrium set was cropped: the crop knows where the organ lies, which no image to
    /// be segmented tells. The box of all labels, grown on both sides by half of what it lacks of `least_voxels_xyz` and by
    /// `margin_voxels_xyz`, as far as the volume goes.
    Label {
        /// Voxels of the file's along its axes.
        least_voxels_xyz: [usize; 3],
        /// Voxels of the file's along its axes, on each side; many for an axis that is not to be cropped.
        margin_voxels_xyz: [usize; 3],
    },
    /// A box of the file's voxels, the end excluded; it ends with the volume.
    Box {
        /// Its first voxel.
        begin_xyz: [usize; 3],
        /// Beyond its last voxel.
        end_xyz: [usize; 3],
    },
}

impl Default for Preprocessing {
    fn default() -> Self {
        Self {
            intensities: Intensities::Window,
            window: [-200.0, 400.0],
            spacing_mm_xyz: [4.0, 4.0, 4.0],
            scale: None,
            crop: None,
        }
    }
}

impl Preprocessing {
    /// Refuses what cannot be done to any volume.
    pub fn check(&self) -> Result<(), UsageError> {
        match self.scale {
            Some(scale) if !(scale.is_finite() && scale > 0.0) => Err(UsageError(format!(
                "preprocessing.scale is {scale}, expected a number above 0"
            ))),
            _ => Ok(()),
        }
    }

    /// Whether what becomes of an image depends on its labels.
    pub fn looks_at_labels(&self) -> bool {
        matches!(self.crop, Some(Crop::Label { .. }))
    }

    /// The part of an image that is kept; none for all of it.
    pub fn part(
        &self,
        image: &Grid,
        labels: Option<&LabelMap>,
    ) -> anyhow::Result<Option<VoxelBox>> {
        let zyx = |[x, y, z]: [usize; 3]| [z, y, x];
        let shape = image.shape_zyx;
        match &self.crop {
            None => Ok(None),
            Some(Crop::Box { begin_xyz, end_xyz }) => {
                let end = zyx(*end_xyz);
                Ok(Some(VoxelBox {
                    begin_zyx: zyx(*begin_xyz),
                    end_zyx: [0, 1, 2].map(|a| end[a].min(shape[a])),
                }))
            }
            Some(Crop::Label {
                least_voxels_xyz,
                margin_voxels_xyz,
            }) => {
                let labels = labels.context("no label map that preprocessing.crop could go by")?;
                let labelled = VoxelBox::of_mask(&labels.map(|label| *label != 0));
                let labelled = labelled.context("nothing is labelled to crop about")?;
                let (least, margin) = (zyx(*least_voxels_xyz), zyx(*margin_voxels_xyz));
                let side = labelled.shape_zyx();
                // As the set's authors have it: their side is the distance of the outermost voxels.
                let lack = |a: usize| least[a].saturating_sub(side[a] - 1) / 2;
                let grow = [0, 1, 2].map(|a| lack(a).saturating_add(margin[a]));
                Ok(Some(labelled.grown(grow, shape)))
            }
        }
    }

    /// Prepares a part of an image.
    pub fn prepare_part(
        &self,
        image: &Volume<f32>,
        part: Option<VoxelBox>,
    ) -> anyhow::Result<Volume<f32>> {
        // Windowed first: metal and air would bleed into soft tissue when voxels are averaged.
        let scaled = match self.intensities {
            Intensities::Window => window(image, self.window[0], self.window[1]),
            Intensities::ZScore => z_score(image, None)?,
            Intensities::AsStored => image.clone(),
        };
        let kept = match part {
            Some(part) => crop(&scaled, part)?,
            None => scaled,
        };
        let image = reorient_to_ras(&kept);
        let spacing = self.spacing_of(&image.grid());
        Ok(resample_spacing(&image, spacing)?)
    }

    /// A label map on the grid of an image's part after [`Self::prepare_part`]; the two must share a grid as files.
    pub fn labels(
        &self,
        image: &Grid,
        labels: &LabelMap,
        part: Option<VoxelBox>,
    ) -> anyhow::Result<LabelMap> {
        check_grids(image, labels)?;
        let labels = match part {
            Some(part) => reorient_to_ras(&crop(labels, part)?),
            None => reorient_to_ras(labels),
        };
        let grid = labels.grid();
        let grid = grid.with_spacing_mm_xyz(self.spacing_of(&grid))?;
        // At half resolution points lie between voxels: the nearest would always be the one on the same side.
        let between = LabelInterpolation::OneHotLinear;
        Ok(resample_labels(&labels, &grid, between, 0))
    }

    fn spacing_of(&self, grid: &Grid) -> [f64; 3] {
        match self.scale {
            Some(scale) => grid.geometry.spacing_mm_xyz().map(|mm| mm / scale),
            None => self.spacing_mm_xyz,
        }
    }
}

/// Refuses a label map that lies elsewhere than its image.
pub fn check_grids(image: &Grid, labels: &LabelMap) -> anyhow::Result<()> {
    anyhow::ensure!(
        image.matches(&labels.grid()),
        "image and labels lie on different grids: {:?} against {:?} voxels (z, y, x), or elsewhere in the world",
        image.shape_zyx,
        labels.shape_zyx()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;
    use scarce_image::Geometry;

    use super::*;

    /// 20 × 24 × 30 voxels (z, y, x) of 0.5 mm with a labelled box.
    fn scene() -> (Volume<f32>, LabelMap) {
        let geometry = Geometry::from_spacing_mm_xyz([0.5; 3]).unwrap();
        let labels = Array3::from_shape_fn((20, 24, 30), |(z, y, x)| {
            u16::from((8..12).contains(&z) && (4..8).contains(&y) && (20..28).contains(&x)) * 3
        });
        let image = labels.map(|l| 10.0 + 5.0 * f32::from(*l));
        (
            Volume::new(image, geometry),
            LabelMap::new(labels, geometry),
        )
    }

    fn settings(intensities: Intensities, crop: Option<Crop>, scale: f64) -> Preprocessing {
        Preprocessing {
            intensities,
            crop,
            scale: Some(scale),
            ..Preprocessing::default()
        }
    }

    #[test]
    fn intensities_are_those_of_the_whole_whatever_is_cropped() {
        let (image, labels) = scene();
        let crop = Crop::Box {
            begin_xyz: [16, 2, 6],
            end_xyz: [99, 12, 14],
        };
        let of = |crop| {
            let settings = settings(Intensities::ZScore, crop, 1.0);
            let part = settings.part(&image.grid(), Some(&labels)).unwrap();
            settings.prepare_part(&image, part).unwrap()
        };
        let (whole, part) = (of(None), of(Some(crop)));
        let mean = whole.voxels().mean().unwrap();
        assert!(mean.abs() < 1e-5, "{mean}");
        assert_eq!(part.shape_zyx(), [8, 10, 14]);
        assert!(part.voxels().mean().unwrap() > 0.5);
        assert_eq!(part.voxels()[[2, 2, 4]], whole.voxels()[[8, 4, 20]]);
        let centre = part.geometry().world_from_voxel().translation;
        assert!(
            (centre.x, centre.y, centre.z) == (8.0, 1.0, 3.0),
            "{centre}"
        );
    }

    /// ```python
    /// # the left-atrium set's rule along an axis, with margins of 3 for the drawn ones (its slices end a voxel earlier)
    /// def box(low, high, size, least, margin=3):
    ///     p = max(least - (high - low), 0) // 2
    ///     return max(low - margin - p, 0), min(high + margin + p, size - 1) + 1
    /// print(box(8, 11, 20, 9), box(4, 7, 24, 2), box(20, 27, 30, 2))  # (2, 18) (1, 11) (17, 30)
    /// ```
    #[test]
    fn the_box_of_labels_grows_to_a_least_size() {
        let (image, labels) = scene();
        let crop = Crop::Label {
            least_voxels_xyz: [2, 2, 9],
            margin_voxels_xyz: [3, 3, 3],
        };
        let settings = settings(Intensities::AsStored, Some(crop), 1.0);
        let part = settings
            .part(&image.grid(), Some(&labels))
            .unwrap()
            .unwrap();
        assert_eq!((part.begin_zyx, part.end_zyx), ([2, 1, 17], [18, 11, 30]));
        for (labels, part) in [
            (None, "no label map"),
            (Some(labels.map(|_| 0)), "nothing is"),
        ] {
            let error = settings.part(&image.grid(), labels.as_ref()).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    /// Half of a box that lies in the middle lies in the middle.
    #[test]
    fn half_resolution_moves_no_border() {
        let geometry = Geometry::from_spacing_mm_xyz([0.625; 3]).unwrap();
        // Eight of sixteen voxels, from an odd one on: every border lies within a voxel of the half.
        let labels = Array3::from_shape_fn((16, 16, 16), |(z, y, x)| {
            u16::from([z, y, x].iter().all(|i| (5..11).contains(i)))
        });
        let labels = LabelMap::new(labels, geometry);
        let settings = settings(Intensities::AsStored, None, 0.5);
        let half = settings.labels(&labels.grid(), &labels, None).unwrap();
        assert_eq!(half.shape_zyx(), [8; 3]);
        assert_eq!(half.geometry().spacing_mm_xyz(), [1.25; 3]);
        let mut turned = half.voxels().clone();
        for axis in 0..3 {
            turned.invert_axis(ndarray::Axis(axis));
            assert_eq!(turned, half.voxels(), "axis {axis}");
        }
        assert!(half.voxels().iter().any(|l| *l == 1));
    }
}
