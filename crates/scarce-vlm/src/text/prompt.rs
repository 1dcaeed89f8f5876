//! A prompt as the tokens that a vision-language graph takes.

use super::sentence::check_texts;
use super::{TextError, TextTokenizer};
use crate::{ModelRecord, onnx::ModelFile};

/// A prompt's tokens, the special ones among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptTokens {
    /// In the vocabulary of `tokenizer.json`.
    pub ids: Vec<i64>,
    /// Whether the prompt was longer than the graph takes.
    pub is_cut: bool,
}

/// The tokenizer of a graph, from its `tokenizer.json`; a prompt that is too long is cut, and the cut is told in the log.
pub struct PromptTokenizer {
    tokenizer: TextTokenizer,
    /// The prompt of the slice before, which is that of the next one.
    last: Option<(String, PromptTokens)>,
}

impl PromptTokenizer {
    /// Cuts after `limit` tokens, the special ones counted.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`] when the file is missing, is no tokenizer or has another content than the pinned one.
    pub fn open(file: &ModelFile, limit: usize) -> Result<Self, TextError> {
        Ok(Self {
            tokenizer: TextTokenizer::open(file, limit)?,
            last: None,
        })
    }

    /// The file.
    pub fn record(&self) -> &ModelRecord {
        self.tokenizer.record()
    }

    /// The prompt's tokens.
    ///
    /// # Errors
    /// [`TextError`] for a prompt that is empty or longer than [`super::MAX_TEXT_CHARS`].
    pub fn encode(&mut self, prompt: &str) -> Result<PromptTokens, TextError> {
        if let Some((last, tokens)) = &self.last
            && last == prompt
        {
            return Ok(tokens.clone());
        }
        check_texts(&[prompt])?;
        let encoding = self.tokenizer.encode(prompt)?;
        let tokens = PromptTokens {
            ids: encoding.get_ids().iter().map(|id| i64::from(*id)).collect(),
            is_cut: !encoding.get_overflowing().is_empty(),
        };
        self.last = Some((prompt.to_owned(), tokens.clone()));
        Ok(tokens)
    }

    /// Tokens in words again.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`] for tokens that the vocabulary does not have.
    pub fn decode(&self, ids: &[i64]) -> Result<String, TextError> {
        let ids: Vec<u32> = ids
            .iter()
            .filter_map(|id| u32::try_from(*id).ok())
            .collect();
        self.tokenizer.decode(&ids)
    }
}
