//! A transformer sentence encoder in ONNX Runtime, such as all-MiniLM-L6-v2.

use std::path::Path;

use ndarray::{Array1, Array2, ArrayView2, Axis, Ix2};
use ort::value::TensorElementType;

use super::{
    TextError, TextTokenizer,
    sentence::{SentenceEncoder, check_texts},
};
use crate::{
    ModelRecord,
    onnx::{Model, OnnxError, SessionOptions, graph},
};

/// Texts are cut after so many tokens, the special ones counted: the length that the
/// sentence-transformers release of all-MiniLM-L6-v2 sets.
pub const MAX_TOKENS: usize = 256;

const INPUT_IDS: &str = "input_ids";
const ATTENTION_MASK: &str = "attention_mask";
const TOKEN_TYPE_IDS: &str = "token_type_ids";
const LAST_HIDDEN_STATE: &str = "last_hidden_state";
const SENTENCE_EMBEDDING: &str = "sentence_embedding";

/// Sentence vectors from a BERT-like ONNX graph and its `tokenizer.json`.
///
/// The graph takes `input_ids`, `attention_mask` and, if it wants them, `token_type_ids`, all int64
/// `(batch, tokens)`, and gives `sentence_embedding` `(batch, width)` or `last_hidden_state`
/// `(batch, tokens, width)`, which is then averaged over the attended tokens. Vectors are scaled to
/// length 1 (the pooling of sentence-transformers' all-MiniLM-L6-v2).
///
/// Each text runs alone: int8 graphs scale their activations by the whole batch, so a batch would
/// make a text's vector depend on its neighbours.
pub struct TextEncoder {
    model: Model,
    tokenizer: TextTokenizer,
    wants_token_types: bool,
    output: &'static str,
}

impl TextEncoder {
    /// Loads the graph and its tokenizer, with the default session options.
    ///
    /// # Errors
    /// [`TextError`] when a file is missing or broken, or the graph's inputs or outputs are others.
    pub fn load(model_onnx: &Path, tokenizer_json: &Path) -> Result<Self, TextError> {
        Self::load_with_options(model_onnx, tokenizer_json, &SessionOptions::default())
    }

    /// The same with session options.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with_options(
        model_onnx: &Path,
        tokenizer_json: &Path,
        options: &SessionOptions,
    ) -> Result<Self, TextError> {
        let model = Model::load("text encoder", model_onnx, options)?;
        model.check_inputs(
            &[(INPUT_IDS, 2), (ATTENTION_MASK, 2)],
            &[(TOKEN_TYPE_IDS, 2)],
            TensorElementType::Int64,
        )?;
        let output = model.find_output(
            &[(SENTENCE_EMBEDDING, 2), (LAST_HIDDEN_STATE, 3)],
            TensorElementType::Float32,
        )?;
        let wants_token_types = model
            .input_names()
            .iter()
            .any(|name| name == TOKEN_TYPE_IDS);

        Ok(Self {
            model,
            tokenizer: TextTokenizer::open(&tokenizer_json.into(), MAX_TOKENS)?,
            wants_token_types,
            output,
        })
    }

    fn encode_one(&mut self, text: &str) -> Result<Array1<f32>, TextError> {
        let encoding = self.tokenizer.encode(text)?;
        let attention = encoding.get_attention_mask();
        let vector = self.run(encoding.get_ids(), attention, encoding.get_type_ids());
        Ok(vector?)
    }

    /// The unit vector of one text's tokens.
    fn run(
        &mut self,
        ids: &[u32],
        attention: &[u32],
        types: &[u32],
    ) -> Result<Array1<f32>, OnnxError> {
        let row = |values: &[u32]| {
            let row = Array2::from_shape_fn((1, values.len()), |(_, at)| i64::from(values[at]));
            graph::input(&self.model, row)
        };
        let mut inputs = vec![(INPUT_IDS, row(ids)?), (ATTENTION_MASK, row(attention)?)];
        if self.wants_token_types {
            inputs.push((TOKEN_TYPE_IDS, row(types)?));
        }
        let output = self.output;
        let [values] = graph::run(&mut self.model, inputs, [output])?;
        let wrong =
            |expected: &str, found: String| self.model.fault(graph::wrong(output, expected, found));
        let shape = format!("{:?}", values.shape());
        let of_first = match *values.shape() {
            [1, _] => Some(values.iter().copied().collect()),
            [1, tokens, _] if tokens == attention.len() => values
                .index_axis_move(Axis(0), 0)
                .into_dimensionality::<Ix2>()
                .ok()
                .map(|hidden| mean_pool(&hidden.view(), attention)),
            _ => None,
        };
        let pooled = of_first.ok_or_else(|| wrong("[1, width] or [1, tokens, width]", shape))?;
        let expected = "a vector other than zero";
        unit_length(&pooled).ok_or_else(|| wrong(expected, "zero".to_owned()))
    }
}

impl SentenceEncoder for TextEncoder {
    fn encode(&mut self, texts: &[&str]) -> Result<Array2<f32>, TextError> {
        check_texts(texts)?;
        let mut rows: Option<Array2<f32>> = None;
        for (index, text) in texts.iter().enumerate() {
            let vector = self.encode_one(text)?;
            let rows = rows.get_or_insert_with(|| Array2::zeros((texts.len(), vector.len())));
            if rows.ncols() != vector.len() {
                return Err(TextError::Vectors {
                    expected: format!("width {}", rows.ncols()),
                    got: format!("width {} at text {index}", vector.len()),
                });
            }
            rows.row_mut(index).assign(&vector);
        }
        Ok(rows.unwrap_or_else(|| Array2::zeros((0, 0))))
    }

    fn models(&self) -> Vec<ModelRecord> {
        vec![self.model.record().clone(), self.tokenizer.record().clone()]
    }
}

/// The mean over the tokens whose mask is not 0; `hidden` is `(tokens, width)`.
fn mean_pool(hidden: &ArrayView2<'_, f32>, mask: &[u32]) -> Array1<f32> {
    let mut sum = Array1::<f64>::zeros(hidden.ncols());
    let mut count = 0_u32;
    for (token, _) in hidden.outer_iter().zip(mask).filter(|(_, m)| **m != 0) {
        sum.zip_mut_with(&token, |s, t| *s += f64::from(*t));
        count += 1;
    }
    sum.mapv(|s| (s / f64::from(count.max(1))) as f32)
}

/// The vector scaled to length 1; `None` for zero or what is not finite.
fn unit_length(vector: &Array1<f32>) -> Option<Array1<f32>> {
    let norm = vector
        .iter()
        .map(|v| f64::from(*v).powi(2))
        .sum::<f64>()
        .sqrt();
    (norm.is_finite() && norm > 0.0).then(|| vector.mapv(|v| (f64::from(v) / norm) as f32))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn pools_attended_tokens_only() {
        let hidden = array![[1.0, 2.0], [3.0, 6.0], [100.0, 100.0]];
        assert_eq!(mean_pool(&hidden.view(), &[1, 1, 0]), array![2.0, 4.0]);
        assert_eq!(mean_pool(&hidden.view(), &[0, 0, 0]), array![0.0, 0.0]);
    }

    #[test]
    fn scales_to_length_one_or_refuses() {
        assert_eq!(unit_length(&array![3.0_f32, 4.0]), Some(array![0.6, 0.8]));
        assert_eq!(unit_length(&array![0.0_f32, 0.0]), None);
        assert_eq!(unit_length(&array![f32::NAN, 1.0]), None);
        assert_eq!(unit_length(&array![f32::INFINITY, 1.0]), None);
    }
}
