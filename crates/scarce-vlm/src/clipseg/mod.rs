//! CLIPSeg: a prompt and a picture in, heat out.
//!
//! T. Lüddecke, A. Ecker: Image Segmentation Using Text and Image Prompts, CVPR 2022. `export/clipseg.py` makes the graph from
//! a `transformers` checkpoint; the public exports of `CIDAS/clipseg-rd64-refined` have the same interface.

use std::collections::BTreeMap;

use ndarray::{Array2, Array4};
use ort::value::{Tensor, TensorElementType, TensorRef};
use serde_json::{Value, json};

use crate::{
    LocalizeError, ModelRecord,
    onnx::{Model, ModelFault, ModelFile, OnnxError, SessionOptions},
    picture::{Filter, Frame, Normalization, Picture},
    slices::{PictureHeat, PictureLocalizer},
    text::{PromptTokenizer, PromptTokens},
};

/// The positions of CLIP's text encoder.
const MAX_TOKENS: usize = 77;
/// The side of the input where the graph leaves it free: 22 patches of 16 pixels.
const SIDE: usize = 352;

const INPUT_IDS: &str = "input_ids";
const ATTENTION_MASK: &str = "attention_mask";
const PIXEL_VALUES: &str = "pixel_values";
const LOGITS: &str = "logits";

/// CLIPSeg in ONNX Runtime.
pub struct ClipSeg {
    model: Model,
    tokenizer: PromptTokenizer,
    input_yx: [usize; 2],
}

impl ClipSeg {
    /// Loads the graph and its `tokenizer.json`.
    ///
    /// The graph takes `input_ids` and `attention_mask`, int64 `(texts, tokens)`, and `pixel_values`, f32 `(n, 3, y, x)`, and
    /// gives `logits`, f32 `(texts, y, x)`, or `(y, x)` for one text.
    ///
    /// # Errors
    /// [`LocalizeError::Onnx`] and [`LocalizeError::Text`] when a file is missing, broken or of another interface.
    pub fn open(
        graph: &ModelFile,
        tokenizer: &ModelFile,
        options: &SessionOptions,
    ) -> Result<Self, LocalizeError> {
        let model = Model::open("CLIPSeg", graph, options)?;
        let input_yx = check(&model)?;
        let tokenizer = PromptTokenizer::open(tokenizer, MAX_TOKENS)?;
        Ok(Self {
            model,
            tokenizer,
            input_yx,
        })
    }

    fn logits(
        &mut self,
        tokens: &PromptTokens,
        pixels: &Array4<f32>,
    ) -> Result<Array2<f32>, ModelFault> {
        let failed = |error: ort::Error| ModelFault::Run(error.to_string());
        let shape = [1, tokens.ids.len()];
        let ids = Tensor::from_array((shape, tokens.ids.clone())).map_err(failed)?;
        let attention = Tensor::from_array((shape, vec![1_i64; shape[1]])).map_err(failed)?;
        let pixels = TensorRef::from_array_view(pixels).map_err(failed)?;
        let outputs = self.model.run(vec![
            (INPUT_IDS, ids.into()),
            (ATTENTION_MASK, attention.into()),
            (PIXEL_VALUES, pixels.into()),
        ])?;
        let values = outputs[LOGITS].try_extract_array::<f32>().map_err(failed)?;
        let wrong = |found: String| ModelFault::Output {
            output: LOGITS.to_owned(),
            expected: "finite numbers, [1, y, x] or [y, x]".to_owned(),
            found,
        };
        let size_yx = match *values.shape() {
            [y, x] | [1, y, x] if y > 0 && x > 0 => (y, x),
            ref other => return Err(wrong(format!("{other:?}"))),
        };
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(wrong(value.to_string()));
        }
        Array2::from_shape_vec(size_yx, values.iter().copied().collect())
            .map_err(|error| wrong(error.to_string()))
    }
}

/// Checks the graph's interface; the input's pixels along y and x.
fn check(model: &Model) -> Result<[usize; 2], OnnxError> {
    model.check_typed_inputs(&[
        (INPUT_IDS, 2, TensorElementType::Int64),
        (ATTENTION_MASK, 2, TensorElementType::Int64),
        (PIXEL_VALUES, 4, TensorElementType::Float32),
    ])?;
    model
        .find_output(&[(LOGITS, 3)], TensorElementType::Float32)
        .or_else(|error| {
            let flat = model.find_output(&[(LOGITS, 2)], TensorElementType::Float32);
            flat.map_err(|_| error)
        })?;
    let shape = model.input_tensor(PIXEL_VALUES).map(|(_, shape)| shape);
    Ok([2, 3].map(|axis| {
        let side = shape.as_ref().map(|shape| shape[axis]);
        side.and_then(|side| usize::try_from(side).ok())
            .filter(|side| *side > 0)
            .unwrap_or(SIDE)
    }))
}

impl PictureLocalizer for ClipSeg {
    /// The whole picture is squashed into the input, as `transformers`' processor does; the score is the highest heat.
    fn heat(&mut self, picture: &Picture, prompt: &str) -> Result<PictureHeat, LocalizeError> {
        if prompt.trim().is_empty() {
            return Err(LocalizeError::EmptyPrompt {
                prompt: prompt.to_owned(),
            });
        }
        let tokens = self.tokenizer.encode(prompt)?;
        let frame = Frame::squash(picture.size_yx(), self.input_yx);
        let pixels = Normalization::IMAGENET.apply(&frame.view(picture, Filter::Bilinear)?);
        let logits = self.logits(&tokens, &pixels);
        let logits = logits.map_err(|fault| self.model.fault(fault))?;
        let share = logits.mapv(|logit| 1.0 / (1.0 + (-logit).exp()));
        let score = share.iter().copied().fold(0.0, f32::max);
        Ok(PictureHeat {
            map: frame.to_picture(share.view(), 0.0),
            score,
        })
    }

    fn name(&self) -> &'static str {
        "clipseg"
    }

    fn models(&self) -> Vec<ModelRecord> {
        let mut records = self.model.records();
        records.push(self.tokenizer.record().clone());
        records
    }

    fn settings(&self) -> BTreeMap<String, Value> {
        BTreeMap::from([("input_yx".to_owned(), json!(self.input_yx))])
    }
}
