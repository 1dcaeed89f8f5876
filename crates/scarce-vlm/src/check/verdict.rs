//! What the figures say of a localizer, and from where on.

use serde::{Deserialize, Serialize};

use super::Agreement;

/// Where the verdict turns. The defaults are conventions, chosen so that maps which look alike to the eye count as the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SanityThresholds {
    /// A mean correlation with the maps of nonsense of this or more means that words are ignored. _Default:_ 0.8.
    pub nonsense_correlation: f64,
    /// The same of the regions' mean IoU. _Default:_ 0.8.
    pub nonsense_iou: f64,
    /// By so much the correlation with reworded prompts must be above that with nonsense. _Default:_ 0.1.
    pub margin: f64,
}

impl Default for SanityThresholds {
    fn default() -> Self {
        Self {
            nonsense_correlation: 0.8,
            nonsense_iou: 0.8,
            margin: 0.1,
        }
    }
}

/// What the maps say of the localizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Other words for the same give the same map, nonsense another.
    FollowsTheWords,
    /// Nonsense gives the same map.
    IgnoresTheWords,
    /// Other words for the same give as different a map as nonsense does.
    ChangesWithAnyWord,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FollowsTheWords => "the map follows the words",
            Self::IgnoresTheWords => "the map ignores the words",
            Self::ChangesWithAnyWord => "the map changes with any word, whatever it means",
        })
    }
}

impl SanityThresholds {
    pub(super) fn verdict(&self, reworded: Agreement, nonsense: Agreement) -> Verdict {
        let is_same =
            nonsense.correlation >= self.nonsense_correlation || nonsense.iou >= self.nonsense_iou;
        if is_same {
            Verdict::IgnoresTheWords
        } else if reworded.correlation - nonsense.correlation < self.margin {
            Verdict::ChangesWithAnyWord
        } else {
            Verdict::FollowsTheWords
        }
    }
}
