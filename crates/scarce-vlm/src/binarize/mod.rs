//! From heat to a region: where heat is high, in its largest parts, with boxes around them.
//!
//! The steps of MedCLIP-SAMv2 and Mask What Matters (`text2region`), on volumes; a picture is a volume of one slice.

mod boxes;
mod components;
mod crf;
mod permutohedral;
mod threshold;

pub use boxes::{BoxExpansion, ExpansionRule};
pub use components::largest_components;
pub use crf::CrfOptions;
pub use threshold::two_means_threshold;

use scarce_image::{Mask, Volume};
use serde::{Deserialize, Serialize};

use crate::{LocalizeError, slices::Shown};

/// Where heat counts as inside.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case", tag = "rule")]
pub enum Binarization {
    /// Above the threshold that parts the heat into two clusters of least spread ([`two_means_threshold`]):
    /// Otsu's, and what k-means with two means looks for (the paper's figure).
    #[default]
    TwoMeans,
    /// Above a fixed heat; 0.3 in the released code of Mask What Matters.
    Above {
        /// From 0 to 1.
        heat: f32,
    },
    /// Where a dense conditional random field says so, slice by slice: borders follow the picture's.
    Crf(CrfOptions),
}

impl Binarization {
    /// The voxels inside, and the threshold they are above where there is one. No heat at all is inside of nothing.
    ///
    /// `heat` lies on the grid of the image that is `shown`.
    ///
    /// # Errors
    /// [`LocalizeError::Option`] for a field that cannot be computed.
    pub fn apply(
        &self,
        heat: &Volume<f32>,
        shown: &Shown,
    ) -> Result<(Mask, Option<f32>), LocalizeError> {
        let threshold = match self {
            Self::TwoMeans => two_means_threshold(heat.voxels().as_slice().unwrap_or_default()),
            Self::Above { heat } => *heat,
            Self::Crf(options) => return Ok((options.mask(heat, shown)?, None)),
        };
        Ok((heat.map(|value| *value > threshold), Some(threshold)))
    }
}
