//! Why a text has no vector.

use std::path::PathBuf;

use thiserror::Error;

use crate::onnx::OnnxError;

/// What can be wrong with a text or with the encoder.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TextError {
    /// A text has no word in it.
    #[error("text {index} is empty: expected at least one word")]
    Empty {
        /// Its place among the texts.
        index: usize,
    },
    /// A text is longer than any prompt.
    #[error("text {index} has {chars} characters, at most {limit} are accepted")]
    TooLong {
        /// Its place among the texts.
        index: usize,
        /// Its length.
        chars: usize,
        /// The limit.
        limit: usize,
    },
    /// The tokenizer knows no word of it.
    #[error(
        "the tokenizer knows no word of {text:?}: expected words of the language it was trained on"
    )]
    UnknownWords {
        /// The text.
        text: String,
    },
    /// The tokenizer's file is not one.
    #[error("cannot use the tokenizer ({message}): {}", path.display())]
    Tokenizer {
        /// What is wrong with it.
        message: String,
        /// The file.
        path: PathBuf,
    },
    /// The encoder's vectors are not what its caller can use.
    #[error("sentence encoder: expected {expected}, got {got}")]
    Vectors {
        /// What was needed.
        expected: String,
        /// What was found.
        got: String,
    },
    /// The runtime or the model failed.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
}
