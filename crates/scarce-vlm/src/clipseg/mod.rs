//! CLIPSeg: a prompt and a picture in, heat out.
//!
//! T. Lüddecke, A. Ecker: Image Segmentation Using Text and Image Prompts, CVPR 2022. `export/clipseg.py` makes the graph from
//! a `transformers` checkpoint; the public exports of `CIDAS/clipseg-rd64-refined` have the same interface.

use std::collections::BTreeMap;

use ndarray::{Array2, Array4, Axis, Ix2};
use ort::value::TensorElementType;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::{
    LocalizeError, ModelRecord,
    onnx::{Model, ModelFile, OnnxError, SessionOptions, graph},
    picture::{Filter, Frame, Normalization, Picture, PictureError},
    slices::{PictureHeat, PictureLocalizer},
    text::{PromptTokenizer, PromptTokens, check_prompt},
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
    ) -> Result<Array2<f32>, OnnxError> {
        let ids = Array2::from_shape_fn((1, tokens.ids.len()), |(_, at)| tokens.ids[at]);
        let attention = Array2::<i64>::ones(ids.raw_dim());
        let inputs = vec![
            (INPUT_IDS, graph::view(&self.model, &ids)?),
            (ATTENTION_MASK, graph::view(&self.model, &attention)?),
            (PIXEL_VALUES, graph::view(&self.model, pixels)?),
        ];
        let [mut logits] = graph::run(&mut self.model, inputs, [LOGITS])?;
        let expected = "[1, y, x] or [y, x]";
        if logits.ndim() == 3 && logits.len_of(Axis(0)) == 1 {
            logits.index_axis_inplace(Axis(0), 0);
        }
        let logits = graph::shaped::<Ix2>(logits, LOGITS, expected);
        let logits = logits.map_err(|fault| self.model.fault(fault))?;
        if logits.is_empty() {
            let fault = graph::wrong(LOGITS, expected, format!("{:?}", logits.shape()));
            return Err(self.model.fault(fault));
        }
        Ok(logits)
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
        let mut found = self.heats(std::slice::from_ref(picture), prompt)?;
        found.pop().ok_or_else(|| LocalizeError::Image {
            what: "no picture".to_owned(),
        })
    }

    /// Pictures are prepared, and heat brought back onto them, on as many threads as there are; the graph has them one by one.
    fn heats(
        &mut self,
        pictures: &[Picture],
        prompt: &str,
    ) -> Result<Vec<PictureHeat>, LocalizeError> {
        check_prompt(prompt)?;
        let tokens = self.tokenizer.encode(prompt)?;
        let input_yx = self.input_yx;
        let frame = |picture: &Picture| Frame::squash(picture.size_yx(), input_yx);
        let seen = pictures
            .par_iter()
            .map(|picture| {
                let seen = frame(picture).view(picture, Filter::Bilinear)?;
                Ok(Normalization::IMAGENET.apply(&seen))
            })
            .collect::<Result<Vec<_>, PictureError>>()?;
        let shares = seen
            .iter()
            .map(|pixels| self.logits(&tokens, pixels))
            .collect::<Result<Vec<_>, _>>()?;
        let heats = shares
            .into_par_iter()
            .zip(pictures)
            .map(|(logits, picture)| {
                let share = logits.mapv_into(|logit| 1.0 / (1.0 + (-logit).exp()));
                PictureHeat {
                    score: share.iter().copied().fold(0.0, f32::max),
                    map: frame(picture).to_picture(share.view(), 0.0),
                }
            });
        Ok(heats.collect())
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
