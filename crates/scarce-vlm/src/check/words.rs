//! What is asked.

use serde::{Deserialize, Serialize};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// The prompt that is meant.
    pub prompt: String,
    /// The same in other words, one text or more.
    pub reworded: Vec<String>,
    /// What no image shows, one text or more.
    #[serde(default = "nonsense")]
    pub nonsense: Vec<String>,
}

impl Words {
    /// All texts, the prompt first, then the reworded ones.
    pub(super) fn texts(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.prompt)
            .chain(&self.reworded)
            .chain(&self.nonsense)
    }

    /// A prompt, the same in other words, and nonsense that suits any medical image.
    pub fn new(prompt: &str, reworded: &[&str]) -> Self {
        Self {
            prompt: prompt.to_owned(),
            reworded: reworded.iter().map(|text| (*text).to_owned()).collect(),
            nonsense: nonsense(),
        }
    }
}

fn nonsense() -> Vec<String> {
    [
        "a photo of a bicycle",
        "the parliament votes on banana prices",
        "heavy rain on a motorway at night",
    ]
    .map(str::to_owned)
    .to_vec()
}
