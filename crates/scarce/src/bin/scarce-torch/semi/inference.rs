//! How a trained network is run over a volume.

use scarce_corn::inference::{Blend, Windows};
use serde::{Deserialize, Serialize};

/// How a trained network is run over a volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inference {
    /// Voxels of a window along z, y and x; those of a training crop if left out.
    pub patch_zyx: Option<[usize; 3]>,
    /// Share of a window's side that its neighbours cover at least.
    pub overlap: f64,
    /// Voxels from one window to the next along z, y and x, in place of `overlap`.
    pub strides_zyx: Option<[usize; 3]>,
    /// What a window's answer counts for across its sides.
    pub blend: Blend,
    /// Axes z, y and x along which windows are flipped, too, and their answers averaged.
    pub flips_zyx: [bool; 3],
    /// Keep only the largest connected component of each class.
    pub largest_component: bool,
    /// Never hold all classes of a whole volume. Labels are then chosen on the prepared grid, and go to the input's by the
    /// nearest voxel; where the two are one grid, that is no difference.
    pub streamed: bool,
}

impl Default for Inference {
    fn default() -> Self {
        Self {
            patch_zyx: None,
            overlap: 0.5,
            strides_zyx: None,
            blend: Blend::Uniform,
            flips_zyx: [false; 3],
            largest_component: false,
            streamed: false,
        }
    }
}

impl Inference {
    /// The windows of a network trained on crops of `patch_zyx`.
    pub fn windows(&self, patch_zyx: [usize; 3]) -> Windows {
        Windows {
            patch_zyx: self.patch_zyx.unwrap_or(patch_zyx),
            overlap: self.overlap,
            strides_zyx: self.strides_zyx,
            blend: self.blend,
            flips_zyx: self.flips_zyx,
        }
    }
}
