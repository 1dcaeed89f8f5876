//! How near a prompt comes to each concept.

use std::collections::BTreeMap;

use super::{concept::Concept, prompt::Prompt};
use crate::text::{SentenceEncoder, TextError};

/// Sentence vectors, each computed once.
pub(super) struct Vectors {
    by_text: BTreeMap<String, Vec<f32>>,
}

impl Vectors {
    pub(super) fn new() -> Self {
        Self {
            by_text: BTreeMap::new(),
        }
    }

    /// The vector of a text.
    fn of(&mut self, encoder: &mut dyn SentenceEncoder, text: &str) -> Result<&[f32], TextError> {
        if !self.by_text.contains_key(text) {
            let rows = encoder.encode(&[text])?;
            if rows.nrows() != 1 || rows.ncols() == 0 || rows.iter().any(|v| !v.is_finite()) {
                return Err(TextError::Vectors {
                    expected: "one row of finite numbers".to_owned(),
                    got: format!("shape {:?}", rows.shape()),
                });
            }
            self.by_text
                .insert(text.to_owned(), rows.iter().copied().collect());
        }
        Ok(self.by_text.get(text).map_or(&[], Vec::as_slice))
    }

    /// The nearest of `texts` to `query` and its cosine similarity; the first of equals.
    pub(super) fn nearest<'t>(
        &mut self,
        encoder: &mut dyn SentenceEncoder,
        query: &str,
        texts: &'t [String],
    ) -> Result<Option<(&'t str, f32)>, TextError> {
        let query = self.of(encoder, query)?.to_vec();
        let mut best: Option<(&str, f32)> = None;
        for text in texts {
            let vector = self.of(encoder, text)?;
            if vector.len() != query.len() {
                return Err(TextError::Vectors {
                    expected: format!("width {}", query.len()),
                    got: format!("width {}", vector.len()),
                });
            }
            let dot: f64 = query
                .iter()
                .zip(vector)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum();
            let similarity = dot.clamp(-1.0, 1.0) as f32;
            if best.is_none_or(|(_, s)| similarity > s) {
                best = Some((text, similarity));
            }
        }
        Ok(best)
    }
}

/// Whether the words of the prompt allow the concept, whatever its similarity.
///
/// A prompt with a side wants nothing of the other side and no pair; one without wants the pair
/// rather than one of it. Single numbers of a series are wanted only by number.
pub(super) fn is_allowed(concept: &Concept, prompt: &Prompt) -> bool {
    let side = match prompt.side {
        Some(side) => !concept.is_both_sides && concept.side.is_none_or(|s| s == side),
        None => !concept.has_both_sides,
    };
    let level = match concept.level {
        Some(level) => prompt.levels.contains(&level),
        None => prompt.levels.is_empty() || !concept.is_series,
    };
    side && level
}
