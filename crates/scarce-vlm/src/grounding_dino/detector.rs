//! The graph with its tokenizer, phrase by phrase.

use std::collections::BTreeMap;

use ndarray::{Array2, Array3, Array4, ArrayD, Axis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::boxes::{self, Detection};
use super::interface::{Interface, Request};
use super::{input_size, phrases};
use crate::{
    LocalizeError, ModelRecord,
    onnx::{Model, ModelFault, ModelFile, OnnxError, SessionOptions, graph},
    picture::{Filter, Normalization, Picture, PictureBox},
    slices::{PictureHeat, PictureLocalizer},
    text::{PromptTokenizer, check_prompt},
};

/// Positions of the text encoder that the graph was trained with.
const MAX_TOKENS: usize = 256;

/// Which boxes count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroundingDinoOptions {
    /// A box needs a token of more than this probability.
    pub box_threshold: f32,
    /// A token of more than this probability is part of what the box shows.
    pub text_threshold: f32,
}

impl Default for GroundingDinoOptions {
    fn default() -> Self {
        Self {
            box_threshold: 0.25,
            text_threshold: 0.25,
        }
    }
}

/// Grounding DINO in ONNX Runtime.
///
/// Each phrase of `a. b. c` is asked for alone: many public exports answer the first one only, since the loop over phrases was
/// unrolled when they were traced.
pub struct GroundingDino {
    model: Model,
    tokenizer: PromptTokenizer,
    interface: Interface,
    options: GroundingDinoOptions,
}

impl GroundingDino {
    /// Loads the graph and its `tokenizer.json`.
    ///
    /// # Errors
    /// [`LocalizeError::Onnx`] and [`LocalizeError::Text`] when a file is missing, broken or of another interface,
    /// [`LocalizeError::Option`] for a threshold outside of 0 to 1.
    pub fn open(
        graph: &ModelFile,
        tokenizer: &ModelFile,
        options: GroundingDinoOptions,
        session: &SessionOptions,
    ) -> Result<Self, LocalizeError> {
        for (option, value) in [
            ("box_threshold", options.box_threshold),
            ("text_threshold", options.text_threshold),
        ] {
            if !(0.0..1.0).contains(&value) {
                return Err(LocalizeError::Option {
                    option,
                    expected: "0 to below 1",
                    got: value.to_string(),
                });
            }
        }
        let model = Model::open("Grounding DINO", graph, session)?;
        let interface = Interface::of(&model)?;
        let limit = interface.tokens.unwrap_or(MAX_TOKENS).min(MAX_TOKENS);
        let tokenizer = PromptTokenizer::open(tokenizer, limit)?;
        Ok(Self {
            model,
            tokenizer,
            interface,
            options,
        })
    }

    /// The boxes of each phrase in the graph's order, phrase after phrase, and the highest score of any box at all.
    ///
    /// # Errors
    /// [`LocalizeError`] for a prompt without a word, and where the graph fails.
    pub fn detect(
        &mut self,
        picture: &Picture,
        prompt: &str,
    ) -> Result<(Vec<Detection>, f32), LocalizeError> {
        check_prompt(prompt)?;
        let phrases = phrases::phrases(prompt);
        if phrases.is_empty() {
            return Err(LocalizeError::EmptyPrompt {
                prompt: prompt.to_owned(),
            });
        }
        let picture_yx = picture.size_yx();
        let input_yx = self.interface.input_yx;
        let seen_yx = input_yx.map_or_else(
            || input_size::free(picture_yx),
            |input_yx| input_size::within(picture_yx, input_yx),
        );
        let input_yx = input_yx.unwrap_or(seen_yx);
        let seen = Normalization::IMAGENET.apply(&picture.resized(seen_yx, Filter::Bilinear)?);
        let pixels = filled_up(&seen, input_yx);
        let mut detections = Vec::new();
        let mut best = 0.0_f32;
        for phrase in phrases {
            let tokens = self.tokenizer.encode(&phrase)?;
            let n_tokens = tokens.ids.len();
            let mut ids = tokens.ids;
            ids.resize(self.interface.tokens.unwrap_or(n_tokens), 0);
            let request = Request {
                pixels: &pixels,
                seen_yx,
                ids: &ids,
                n_tokens,
            };
            let (logits, shares) = self.run(&request)?;
            let thresholds = [self.options.box_threshold, self.options.text_threshold];
            let (found, highest) = boxes::found(logits.view(), shares.view(), n_tokens, thresholds);
            best = best.max(highest);
            // Shares of the picture where the graph knows what of its input is picture.
            let whole = if self.interface.has_pixel_mask() {
                seen_yx
            } else {
                input_yx
            };
            for found in found {
                let along = |share: f32, axis: usize| {
                    let scale = whole[axis] as f32 / seen_yx[axis] as f32;
                    let length = picture_yx[axis] as f32;
                    (share * scale * length).clamp(0.0, length)
                };
                let [left, top, right, bottom] = found.shares;
                let above = found.tokens.iter().map(|at| ids[*at]);
                let ids: Vec<i64> = above.filter(|id| !phrases::is_separator(*id)).collect();
                detections.push(Detection {
                    in_picture: PictureBox {
                        start_xy: [along(left, 1), along(top, 0)],
                        stop_xy: [along(right, 1), along(bottom, 0)],
                    },
                    score: found.score,
                    words: self.tokenizer.decode(&ids)?,
                });
            }
        }
        Ok((detections, best))
    }

    /// `logits` `(queries, tokens)` and `boxes` `(queries, 4)` of one phrase. Columns beyond the text hold minus infinity: a
    /// probability of 0.
    fn run(&mut self, request: &Request<'_>) -> Result<(Array2<f32>, Array2<f32>), OnnxError> {
        let inputs = self.interface.values(&self.model, request)?;
        let names = [self.interface.logits, self.interface.boxes];
        let [logits, boxes] = graph::run_with_infinities(&mut self.model, inputs, names)?;
        by_query(logits, boxes, names).map_err(|fault| self.model.fault(fault))
    }
}

/// Both without their axis for the batch of one.
fn by_query(
    logits: ArrayD<f32>,
    boxes: ArrayD<f32>,
    [logits_name, boxes_name]: [&str; 2],
) -> Result<(Array2<f32>, Array2<f32>), ModelFault> {
    let logits: Array3<f32> = graph::shaped(logits, logits_name, "[1, queries, tokens]")?;
    let boxes: Array3<f32> = graph::shaped(boxes, boxes_name, "[1, queries, 4]")?;
    let (batch, queries, tokens) = logits.dim();
    if batch != 1 || tokens == 0 {
        let found = format!("{:?}", logits.shape());
        return Err(graph::wrong(logits_name, "[1, queries, tokens]", found));
    }
    if boxes.dim() != (1, queries, 4) {
        let (expected, found) = (format!("[1, {queries}, 4]"), format!("{:?}", boxes.shape()));
        return Err(graph::wrong(boxes_name, expected, found));
    }
    let of_first = |array: Array3<f32>| array.index_axis_move(Axis(0), 0);
    Ok((of_first(logits), of_first(boxes)))
}

/// The picture at the top left of an input of `input_yx`, and 0 elsewhere.
fn filled_up(seen: &Array4<f32>, input_yx: [usize; 2]) -> Array4<f32> {
    let (_, channels, height, width) = seen.dim();
    if [height, width] == input_yx {
        return seen.clone();
    }
    let mut input = Array4::zeros((1, channels, input_yx[0], input_yx[1]));
    for ((_, channel, y, x), value) in seen.indexed_iter() {
        input[[0, channel, y, x]] = *value;
    }
    input
}

impl PictureLocalizer for GroundingDino {
    /// At each pixel the highest score of the boxes over it; the score is the highest of all boxes, even of those that do not
    /// count. Boxes in which no word of the phrase was found are left out.
    fn heat(&mut self, picture: &Picture, prompt: &str) -> Result<PictureHeat, LocalizeError> {
        let (mut detections, score) = self.detect(picture, prompt)?;
        detections.retain(|found| !found.words.is_empty());
        Ok(PictureHeat {
            map: boxes::heat(&detections, picture.size_yx()),
            score,
        })
    }

    fn name(&self) -> &'static str {
        "grounding-dino"
    }

    fn models(&self) -> Vec<ModelRecord> {
        let mut records = self.model.records();
        records.push(self.tokenizer.record().clone());
        records
    }

    fn settings(&self) -> BTreeMap<String, Value> {
        BTreeMap::from([("grounding_dino".to_owned(), json!(self.options))])
    }
}
