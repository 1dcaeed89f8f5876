//! Which interface a graph has, by the names of its inputs.

use ndarray::{Array4, ArrayD};
use ort::{session::SessionInputValue, value::TensorElementType};

use super::phrases::Blocks;
use crate::onnx::graph::{self, Inputs};
use crate::onnx::{Model, ModelFault, OnnxError};

/// What an input is fed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Image,
    PixelMask,
    Ids,
    TokenTypes,
    Attention,
    Positions,
    Blocks,
}

/// Every input that a known interface has.
const INPUTS: [(&str, Role, usize); 12] = [
    ("pixel_values", Role::Image, 4),
    ("img", Role::Image, 4),
    ("image", Role::Image, 4),
    ("images", Role::Image, 4),
    ("pixel_mask", Role::PixelMask, 3),
    ("input_ids", Role::Ids, 2),
    ("token_type_ids", Role::TokenTypes, 2),
    ("attention_mask", Role::Attention, 2),
    ("position_ids", Role::Positions, 2),
    ("text_self_attention_masks", Role::Blocks, 3),
    ("text_token_mask", Role::Blocks, 3),
    ("text_self_attention_mask", Role::Blocks, 3),
];

/// A graph's inputs, in the roles that they play, and its outputs.
pub(super) struct Interface {
    inputs: Vec<(&'static str, Role, TensorElementType)>,
    pub(super) logits: &'static str,
    pub(super) boxes: &'static str,
    /// Pixels along y and x, where the graph fixes them.
    pub(super) input_yx: Option<[usize; 2]>,
    /// Tokens, where the graph fixes them.
    pub(super) tokens: Option<usize>,
}

/// One phrase and one picture, as a graph takes them.
pub(super) struct Request<'a> {
    pub pixels: &'a Array4<f32>,
    /// Pixels of the picture along y and x; what is beyond was filled up.
    pub seen_yx: [usize; 2],
    /// Tokens, padded by zeros behind `n_tokens`.
    pub ids: &'a [i64],
    pub n_tokens: usize,
}

impl Interface {
    pub(super) fn of(model: &Model) -> Result<Self, OnnxError> {
        let mut inputs = Vec::new();
        for (name, role, _) in INPUTS {
            if let Some((element, _)) = model.input_tensor(name) {
                inputs.push((name, role, element));
            }
        }
        let has = |role: Role| inputs.iter().any(|(_, found, _)| *found == role);
        for (role, expected) in [(Role::Image, "pixel_values"), (Role::Ids, "input_ids")] {
            if !has(role) {
                return Err(model.fault(ModelFault::MissingInput {
                    expected: expected.to_owned(),
                    found: model.input_names(),
                }));
            }
        }
        let expected: Vec<(&str, usize, TensorElementType)> = INPUTS
            .iter()
            .filter(|(name, ..)| inputs.iter().any(|(found, ..)| found == name))
            .map(|(name, role, rank)| {
                let found = inputs.iter().find(|(found, ..)| found == name);
                let found = found.map_or(TensorElementType::Int64, |(.., element)| *element);
                let element = match role {
                    Role::Image => TensorElementType::Float32,
                    // Masks are booleans in the authors' code and numbers elsewhere.
                    Role::Attention | Role::PixelMask | Role::Blocks
                        if found == TensorElementType::Bool
                            || found == TensorElementType::Float32 =>
                    {
                        found
                    }
                    _ => TensorElementType::Int64,
                };
                (*name, *rank, element)
            })
            .collect();
        model.check_typed_inputs(&expected)?;
        let float = TensorElementType::Float32;
        let shape = |wanted: Role| {
            let name = inputs.iter().find(|(_, role, _)| *role == wanted)?.0;
            Some(model.input_tensor(name)?.1)
        };
        let fixed = |length: i64| usize::try_from(length).ok().filter(|length| *length > 0);
        let input_yx = shape(Role::Image).and_then(|s| Some([fixed(s[2])?, fixed(s[3])?]));
        let tokens = shape(Role::Ids).and_then(|s| fixed(s[1]));
        Ok(Self {
            logits: model.find_output(&[("logits", 3)], float)?,
            boxes: model.find_output(&[("pred_boxes", 3), ("boxes", 3)], float)?,
            inputs,
            input_yx,
            tokens,
        })
    }

    /// Whether the graph is told what of its input is picture; boxes are shares of that then, and of the input otherwise.
    pub(super) fn has_pixel_mask(&self) -> bool {
        (self.inputs.iter()).any(|(_, role, _)| *role == Role::PixelMask)
    }

    pub(super) fn values<'a>(
        &self,
        model: &Model,
        request: &Request<'a>,
    ) -> Result<Inputs<'a>, OnnxError> {
        let (_, _, height, width) = request.pixels.dim();
        let n = request.ids.len();
        let blocks = Blocks::of(request.ids);
        (self.inputs.iter())
            .map(|(name, role, element)| {
                let value = match role {
                    Role::Image => graph::view(model, request.pixels)?,
                    Role::PixelMask => mask(model, *element, &[1, height, width], |at| {
                        let [rows, columns] = request.seen_yx;
                        at / width < rows && at % width < columns
                    })?,
                    Role::Ids => integers(model, &[1, n], |at| request.ids[at])?,
                    Role::TokenTypes => integers(model, &[1, n], |_| 0)?,
                    Role::Attention => mask(model, *element, &[1, n], |at| at < request.n_tokens)?,
                    Role::Positions => integers(model, &[1, n], |at| blocks.position_ids[at])?,
                    Role::Blocks => mask(model, *element, &[1, n, n], |at| {
                        blocks.sees(at / n, at % n)
                    })?,
                };
                Ok((*name, value))
            })
            .collect()
    }
}

fn integers(
    model: &Model,
    shape: &[usize],
    value: impl Fn(usize) -> i64,
) -> Result<SessionInputValue<'static>, OnnxError> {
    graph::input(model, filled(shape, value))
}

/// A mask in the element type that the graph takes.
fn mask(
    model: &Model,
    element: TensorElementType,
    shape: &[usize],
    is_set: impl Fn(usize) -> bool,
) -> Result<SessionInputValue<'static>, OnnxError> {
    match element {
        TensorElementType::Bool => graph::input(model, filled(shape, is_set)),
        TensorElementType::Float32 => {
            graph::input(model, filled(shape, |at| f32::from(u8::from(is_set(at)))))
        }
        _ => integers(model, shape, |at| i64::from(is_set(at))),
    }
}

/// Of each element, by its place in C-order.
fn filled<T>(shape: &[usize], value: impl Fn(usize) -> T) -> ArrayD<T> {
    let mut at = 0..;
    ArrayD::from_shape_simple_fn(shape, || value(at.next().unwrap_or(usize::MAX)))
}
