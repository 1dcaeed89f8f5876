//! Every prompt trained with, as a vector.

use std::ops::Range;
use std::path::Path;

use anyhow::Context as _;
use ndarray::Array2;
use rand::Rng;
use scarce_vlm::text::{SentenceEncoder as _, TextEncoder};

use super::concepts::Concepts;

/// The prompts, concept by concept, nonsense at the end.
#[derive(Debug, Clone)]
pub struct Wordings {
    texts: Vec<String>,
    of_concept: Vec<Range<usize>>,
    nonsense: Range<usize>,
}

impl Wordings {
    /// All prompts of all concepts.
    pub fn new(concepts: &Concepts) -> Self {
        let mut texts = Vec::new();
        let mut add = |prompts: Vec<String>| {
            let start = texts.len();
            texts.extend(prompts);
            start..texts.len()
        };
        let of_concept = concepts
            .all()
            .iter()
            .map(|c| add(concepts.prompts(c)))
            .collect();
        let nonsense = add(concepts.nonsense());
        Self {
            texts,
            of_concept,
            nonsense,
        }
    }

    /// The prompts.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// One of a concept's prompts, or one of nothing, by its place.
    pub fn draw(&self, concept: Option<usize>, rng: &mut impl Rng) -> usize {
        let range = concept.map_or(&self.nonsense, |place| &self.of_concept[place]);
        rng.random_range(range.clone())
    }

    /// One row for each prompt.
    pub fn vectors(&self, encoder_folder: &Path) -> anyhow::Result<Array2<f32>> {
        let mut encoder = TextEncoder::load(
            &encoder_folder.join("model.onnx"),
            &encoder_folder.join("tokenizer.json"),
        )?;
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        encoder.encode(&texts).context("cannot encode the prompts")
    }
}
