//! From a file to what a network sees: RAS, one spacing, one intensity window.

use std::path::Path;

use anyhow::Context as _;
use scarce_image::{
    Grid, LabelMap, Mask, Volume, reorient_to_ras, resample_nearest, resample_spacing, window,
};
use serde::{Deserialize, Serialize};

/// How volumes are brought onto one grid and one intensity scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preprocessing {
    /// Spacing along x (right), y (anterior) and z (superior).
    pub spacing_mm_xyz: [f64; 3],
    /// Intensities (HU for CT) that become 0 and 1; what lies beyond is clipped.
    pub window: [f32; 2],
}

impl Default for Preprocessing {
    fn default() -> Self {
        Self {
            spacing_mm_xyz: [4.0, 4.0, 4.0],
            window: [-200.0, 400.0],
        }
    }
}

impl Preprocessing {
    /// Reads and prepares an image.
    pub fn image(&self, path: &Path) -> anyhow::Result<Volume<f32>> {
        self.prepare(&scarce_io::read_volume(path)?)
            .with_context(|| format!("cannot prepare {}", path.display()))
    }

    /// Prepares an image in memory.
    pub fn prepare(&self, image: &Volume<f32>) -> anyhow::Result<Volume<f32>> {
        let image = reorient_to_ras(image);
        let [low, high] = self.window;
        // Windowed first: metal and air would bleed into soft tissue when voxels are averaged.
        Ok(resample_spacing(
            &window(&image, low, high),
            self.spacing_mm_xyz,
        )?)
    }

    /// A label map on an image's grid after [`Self::prepare`]; the two must share a grid as files.
    pub fn labels(&self, image: &Grid, labels: &LabelMap) -> anyhow::Result<LabelMap> {
        anyhow::ensure!(
            image.matches(&labels.grid()),
            "image and labels lie on different grids: {:?} against {:?} voxels (z, y, x), or elsewhere in the world",
            image.shape_zyx,
            labels.shape_zyx()
        );
        let labels = reorient_to_ras(labels);
        let grid = labels.grid().with_spacing_mm_xyz(self.spacing_mm_xyz)?;
        Ok(resample_nearest(&labels, &grid, 0))
    }

    /// The same for a mask.
    pub fn mask(&self, image: &Grid, mask: &Mask) -> anyhow::Result<Mask> {
        Ok(self
            .labels(image, &mask.map(|inside| u16::from(*inside)))?
            .map(|label| *label != 0))
    }
}
