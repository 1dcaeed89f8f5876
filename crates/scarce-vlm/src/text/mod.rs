//! Sentences as vectors.

mod encoder;
mod error;
mod prompt;
mod sentence;
mod tokenizer;
mod wanted;

pub use encoder::{MAX_TOKENS, TextEncoder};
pub use error::TextError;
pub use prompt::{PromptTokenizer, PromptTokens};
pub(crate) use sentence::check_texts;
pub use sentence::{MAX_TEXT_CHARS, SentenceEncoder};
pub(crate) use tokenizer::TextTokenizer;
pub use wanted::check_prompt;
pub(crate) use wanted::wanted_words;
