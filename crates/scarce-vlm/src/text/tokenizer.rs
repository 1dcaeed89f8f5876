//! A `tokenizer.json`, cutting texts that a model does not take whole.

use tokenizers::{Encoding, Tokenizer, TruncationParams};

use super::TextError;
use crate::{
    ModelRecord,
    onnx::{ModelFault, ModelFile},
};

/// The tokenizer of a model: nothing is padded, and a cut is told in the log.
pub(crate) struct TextTokenizer {
    tokenizer: Tokenizer,
    record: ModelRecord,
    limit: usize,
}

impl TextTokenizer {
    /// Cuts after `limit` tokens, the special ones counted; the file may carry a limit meant for another use.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`] when the file is missing, is no tokenizer or has another content than the pinned one.
    pub(crate) fn open(file: &ModelFile, limit: usize) -> Result<Self, TextError> {
        Self::open_with(file, |_| limit)
    }

    /// The same, but cuts earlier where the file's own limit is lower.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn open_within(file: &ModelFile, limit: usize) -> Result<Self, TextError> {
        Self::open_with(file, |own| own.map_or(limit, |own| own.min(limit)))
    }

    fn open_with(
        file: &ModelFile,
        limit: impl FnOnce(Option<usize>) -> usize,
    ) -> Result<Self, TextError> {
        let refused = |message: String| TextError::Tokenizer {
            message,
            path: file.path.clone(),
        };
        let (bytes, record) =
            (file.read("tokenizer")).map_err(|fault: ModelFault| refused(fault.to_string()))?;
        let mut tokenizer =
            Tokenizer::from_bytes(&bytes).map_err(|error| refused(error.to_string()))?;
        let limit = limit(tokenizer.get_truncation().map(|own| own.max_length));
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(Some(TruncationParams {
                max_length: limit,
                ..Default::default()
            }))
            .map_err(|error| refused(error.to_string()))?;
        Ok(Self {
            tokenizer,
            record,
            limit,
        })
    }

    /// The file.
    pub(crate) fn record(&self) -> &ModelRecord {
        &self.record
    }

    /// The text's tokens, the special ones among them; those cut off are its overflow.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`] in the library's words.
    pub(crate) fn encode(&self, text: &str) -> Result<Encoding, TextError> {
        let encoding = (self.tokenizer.encode(text, true)).map_err(|error| self.refused(error))?;
        if !encoding.get_overflowing().is_empty() {
            let beginning: String = text.chars().take(40).collect();
            let limit = self.limit;
            tracing::warn!(limit, beginning, "a text was cut to the model's limit");
        }
        Ok(encoding)
    }

    /// Tokens in words again.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`] for tokens that the vocabulary does not have.
    pub(crate) fn decode(&self, ids: &[u32]) -> Result<String, TextError> {
        (self.tokenizer.decode(ids, false)).map_err(|error| self.refused(error))
    }

    /// A token's number in the vocabulary.
    pub(crate) fn id_of(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    fn refused(&self, error: tokenizers::Error) -> TextError {
        TextError::Tokenizer {
            message: error.to_string(),
            path: self.record.file_name.clone().into(),
        }
    }
}
