//! The prompt's side of BiomedCLIP.

use std::path::Path;

use ndarray::{Array1, Array2};
use ort::value::TensorElementType;

use crate::onnx::{Model, SessionOptions, graph};
use crate::text::{TextError, TextTokenizer, check_texts};
use crate::{LocalizeError, ModelRecord};

/// What BiomedCLIP was trained with; a `tokenizer.json` may say less.
const MAX_TOKENS: usize = 256;

const INPUT_IDS: &str = "input_ids";
const ATTENTION_MASK: &str = "attention_mask";
const TOKEN_TYPE_IDS: &str = "token_type_ids";

/// A text tower: `input_ids` i64 `(texts, tokens)`, and `attention_mask` and `token_type_ids` if the graph asks for them, to
/// `text_features` (or `embedding`) f32 `(texts, width)`.
///
/// Prompts are not padded, so that a graph without a mask sees no padding; a graph of a fixed length is filled up with id 0,
/// which its mask hides. Words beyond the limit of `tokenizer.json` (256 tokens at most) are cut off with a warning.
pub struct TextTower {
    model: Model,
    tokenizer: TextTokenizer,
    output: &'static str,
    /// Tokens that the graph asks for, if it leaves that not open.
    fixed_tokens: Option<usize>,
    last: Option<(String, Array1<f32>)>,
}

impl TextTower {
    /// From a graph and a BERT WordPiece `tokenizer.json`.
    ///
    /// # Errors
    /// [`LocalizeError`] when a file is missing or broken, or the graph's inputs or outputs are others.
    pub fn load(
        model_onnx: &Path,
        tokenizer_json: &Path,
        options: &SessionOptions,
    ) -> Result<Self, LocalizeError> {
        let model = Model::load("text tower", model_onnx, options)?;
        model.check_inputs(
            &[(INPUT_IDS, 2)],
            &[(ATTENTION_MASK, 2), (TOKEN_TYPE_IDS, 2)],
            TensorElementType::Int64,
        )?;
        let output = model.find_output(
            &[("text_features", 2), ("embedding", 2)],
            TensorElementType::Float32,
        )?;
        let fixed_tokens = model
            .input_shape(INPUT_IDS)
            .and_then(|shape| usize::try_from(shape[1]).ok());
        let most_tokens = fixed_tokens.map_or(MAX_TOKENS, |fixed| fixed.min(MAX_TOKENS));
        Ok(Self {
            model,
            tokenizer: TextTokenizer::open_within(&tokenizer_json.into(), most_tokens)?,
            output,
            fixed_tokens,
            last: None,
        })
    }

    /// The prompt's features, not normalised. The last prompt's are kept: slices ask for them again and again.
    ///
    /// # Errors
    /// [`LocalizeError::EmptyPrompt`] for no word, [`TextError::TooLong`] for more than a prompt,
    /// [`TextError::UnknownWords`] where the tokenizer knows no word of it, and what can be wrong with the model.
    pub fn features(&mut self, prompt: &str) -> Result<Array1<f32>, LocalizeError> {
        if let Some((last, features)) = &self.last
            && last == prompt
        {
            return Ok(features.clone());
        }
        if prompt.trim().is_empty() {
            return Err(LocalizeError::EmptyPrompt {
                prompt: prompt.to_owned(),
            });
        }
        check_texts(&[prompt])?;
        let ids = self.ids(prompt)?;
        let features = self.run(&ids)?;
        self.last = Some((prompt.to_owned(), features.clone()));
        Ok(features)
    }

    /// Each model file.
    pub fn models(&self) -> Vec<ModelRecord> {
        vec![self.model.record().clone(), self.tokenizer.record().clone()]
    }

    fn ids(&self, prompt: &str) -> Result<Vec<i64>, TextError> {
        let encoding = self.tokenizer.encode(prompt)?;
        let unknown = self.tokenizer.id_of("[UNK]");
        let words = || {
            (encoding
                .get_ids()
                .iter()
                .zip(encoding.get_special_tokens_mask()))
            .filter(|(_, special)| **special == 0)
        };
        if words().all(|(id, _)| Some(*id) == unknown) {
            return Err(TextError::UnknownWords {
                text: prompt.to_owned(),
            });
        }
        Ok(encoding.get_ids().iter().map(|id| i64::from(*id)).collect())
    }

    fn run(&mut self, ids: &[i64]) -> Result<Array1<f32>, LocalizeError> {
        let tokens = self.fixed_tokens.unwrap_or(ids.len());
        let mut inputs = Vec::new();
        for name in self.model.input_names() {
            let (name, fill): (&'static str, fn(i64) -> i64) = match name.as_str() {
                ATTENTION_MASK => (ATTENTION_MASK, |_| 1),
                TOKEN_TYPE_IDS => (TOKEN_TYPE_IDS, |_| 0),
                _ => (INPUT_IDS, |id| id),
            };
            let values =
                Array2::from_shape_fn((1, tokens), |(_, at)| ids.get(at).map_or(0, |id| fill(*id)));
            inputs.push((name, graph::input(&self.model, values)?));
        }
        let [features] = graph::run(&mut self.model, inputs, [self.output])?;
        match features.shape() {
            [1, width] if *width > 0 => Ok(features.iter().copied().collect()),
            other => {
                let fault = graph::wrong(self.output, "[1, width]", format!("{other:?}"));
                Err(self.model.fault(fault).into())
            }
        }
    }
}
