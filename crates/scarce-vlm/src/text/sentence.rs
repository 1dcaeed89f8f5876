//! What a localizer asks of a text encoder.

use ndarray::Array2;

use super::TextError;
use crate::ModelRecord;

/// The longest text accepted, in characters. A prompt is a phrase or a few sentences; more is most
/// likely a file given by mistake.
pub const MAX_TEXT_CHARS: usize = 4096;

/// Turns sentences into unit vectors whose dot product is their similarity.
pub trait SentenceEncoder {
    /// One row a text, each of length 1. A text's row does not depend on the texts beside it.
    ///
    /// # Errors
    /// [`TextError`] when a text is empty or too long, or the model fails.
    fn encode(&mut self, texts: &[&str]) -> Result<Array2<f32>, TextError>;

    /// The files the encoder was made from.
    fn models(&self) -> Vec<ModelRecord>;
}

impl<E: SentenceEncoder + ?Sized> SentenceEncoder for &mut E {
    fn encode(&mut self, texts: &[&str]) -> Result<Array2<f32>, TextError> {
        (**self).encode(texts)
    }

    fn models(&self) -> Vec<ModelRecord> {
        (**self).models()
    }
}

/// Checks what every encoder refuses.
pub(crate) fn check_texts(texts: &[&str]) -> Result<(), TextError> {
    for (index, text) in texts.iter().enumerate() {
        if text.trim().is_empty() {
            return Err(TextError::Empty { index });
        }
        let chars = text.chars().count();
        if chars > MAX_TEXT_CHARS {
            return Err(TextError::TooLong {
                index,
                chars,
                limit: MAX_TEXT_CHARS,
            });
        }
    }
    Ok(())
}
