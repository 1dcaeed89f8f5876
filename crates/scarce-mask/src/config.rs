//! From a region in pixels to a mask: the settings of the whole way.

use ndarray::{ArrayView, Dimension, IntoDimension};
use scarce_image::{Seed, StreamKey};
use serde::{Deserialize, Serialize};

use crate::{Guide, MaskError, PatchMask, PatchRule, Policy, RegionGrid, Rounding, draw};

/// What happens where rounding would hide every cell or none: a network needs one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// One cell is hidden or revealed against the count, and the audit warns: a hidden one in the
    /// region if it has one, a revealed one outside of it if there is one. A policy that asks for
    /// all or nothing of every image is refused all the same, and so is a grid of one cell.
    #[default]
    KeepOne,
    /// [`MaskError::Degenerate`].
    Refuse,
    /// The count stands, and the audit warns: the released MWM code has no such check.
    Allow,
}

/// The shares high and low of MWM's three presets.
pub const PAPER_RATIOS: [[f64; 2]; 3] = [[0.8, 0.4], [0.7, 0.3], [0.6, 0.2]];

/// The settings of masks. The defaults are the sane ones; [`MaskConfig::paper`] has the released
/// code's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskConfig {
    /// What is hidden.
    pub policy: Policy,
    /// When a patch belongs to the region.
    pub patch_rule: PatchRule,
    /// How shares become counts.
    pub rounding: Rounding,
    /// What happens where all or nothing would be hidden.
    pub guard: Guard,
}

impl Default for MaskConfig {
    fn default() -> Self {
        let [high, low] = PAPER_RATIOS[0];
        Self::new(Policy::Region { high, low })
    }
}

impl MaskConfig {
    /// A policy, with a patch that any pixel of the region marks, the nearest counts, and at least one
    /// cell hidden and one visible.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            patch_rule: PatchRule::AnyOverlap,
            rounding: Rounding::Nearest,
            guard: Guard::KeepOne,
        }
    }

    /// Counts as the released MWM code makes them (`spark.py::targeted_mask`), to the last patch:
    /// top-left rule, `int(n * (1 - ratio))` kept in f64, nothing guarded. [`PAPER_RATIOS`] has its
    /// presets. Its grid is 7 × 7: 224 pixels in patches of 32.
    pub fn paper(high: f64, low: f64) -> Self {
        Self {
            policy: Policy::Region { high, low },
            patch_rule: PatchRule::TopLeft,
            rounding: Rounding::TruncateKept,
            guard: Guard::Allow,
        }
    }

    /// The cells of `grid` that belong to a region in pixels, by this configuration's rule.
    ///
    /// # Errors
    /// As [`RegionGrid::from_mask`].
    pub fn region_grid<D: Dimension>(
        &self,
        region: ArrayView<'_, bool, D>,
        grid: impl IntoDimension<Dim = D>,
    ) -> Result<RegionGrid<D>, MaskError> {
        RegionGrid::from_mask(region, grid, self.patch_rule)
    }

    /// Draws a mask from the stream that `key` names: a function of the guide, the seed and the key,
    /// and of nothing else. Takes a [`Guide`], or a [`RegionGrid`] alone.
    ///
    /// # Errors
    /// [`MaskError`] for settings out of range, for what the policy needs and the guide lacks, and
    /// for masks that the guard refuses.
    pub fn sample<'g, D: Dimension + 'g>(
        &self,
        guide: impl Into<Guide<'g, D>>,
        seed: Seed,
        key: StreamKey<'_>,
    ) -> Result<PatchMask<D>, MaskError> {
        draw::draw(&guide.into(), self, seed, key)
    }
}

/// [`MaskConfig::sample`] with [`Guard::KeepOne`], for callers that hold a policy and a rounding.
///
/// # Errors
/// As [`MaskConfig::sample`].
pub fn sample<'g, D: Dimension + 'g>(
    guide: impl Into<Guide<'g, D>>,
    policy: &Policy,
    rounding: Rounding,
    seed: Seed,
    key: StreamKey<'_>,
) -> Result<PatchMask<D>, MaskError> {
    let config = MaskConfig {
        rounding,
        ..MaskConfig::new(policy.clone())
    };
    config.sample(guide, seed, key)
}
