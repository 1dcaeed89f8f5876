//! What a check found.

use serde::{Deserialize, Serialize};

use super::{Agreement, SanityThresholds, Verdict, Words};

/// One image's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageSanity {
    /// The image's name.
    pub id: String,
    /// The prompt's map and those of the same in other words.
    pub reworded: Agreement,
    /// The prompt's map and those of nonsense.
    pub nonsense: Agreement,
}

/// The outcome over a set of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromptSanity {
    /// What was asked.
    pub words: Words,
    /// Where the verdict turned.
    pub thresholds: SanityThresholds,
    /// Each image in which the prompt was found.
    pub images: Vec<ImageSanity>,
    /// Names of images in which the localizer sees nothing of the prompt; they count for nothing.
    pub not_seen: Vec<String>,
    /// Mean over the images, with reworded prompts.
    pub reworded: Agreement,
    /// Mean over the images, with nonsense.
    pub nonsense: Agreement,
    /// The verdict.
    pub verdict: Verdict,
}

/// The outcome for several prompts, and how all their texts' maps agree with one another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetSanity {
    /// Each prompt that was found in an image.
    pub prompts: Vec<PromptSanity>,
    /// Prompts that were found in none.
    pub not_found: Vec<String>,
    /// Every text that was asked, once.
    pub texts: Vec<String>,
    /// For each text its agreement with each, the mean over the images in which both were found; none where there is no such
    /// image.
    pub matrix: Vec<Vec<Option<Agreement>>>,
}
