//! Which interface a graph has, by the names of its inputs.

use ort::{
    session::SessionInputValue,
    value::{Tensor, TensorElementType, TensorRef},
};

use ndarray::Array4;

use super::phrases::Blocks;
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
        request: &Request<'a>,
    ) -> Result<Vec<(&'static str, SessionInputValue<'a>)>, ModelFault> {
        let failed = |error: ort::Error| ModelFault::Run(error.to_string());
        let (_, _, height, width) = request.pixels.dim();
        let n = request.ids.len();
        let blocks = Blocks::of(request.ids);
        (self.inputs.iter())
            .map(|(name, role, element)| {
                let value = match role {
                    Role::Image => {
                        let pixels = TensorRef::from_array_view(request.pixels);
                        return Ok((*name, pixels.map_err(failed)?.into()));
                    }
                    Role::PixelMask => mask(*element, vec![1, height, width], |at| {
                        let [rows, columns] = request.seen_yx;
                        at / width < rows && at % width < columns
                    }),
                    Role::Ids => integers(vec![1, n], request.ids.to_vec()),
                    Role::TokenTypes => integers(vec![1, n], vec![0; n]),
                    Role::Attention => mask(*element, vec![1, n], |at| at < request.n_tokens),
                    Role::Positions => integers(vec![1, n], blocks.position_ids.clone()),
                    Role::Blocks => mask(*element, vec![1, n, n], |at| blocks.sees(at / n, at % n)),
                };
                Ok((*name, value.map_err(failed)?))
            })
            .collect()
    }
}

fn integers(shape: Vec<usize>, values: Vec<i64>) -> Result<SessionInputValue<'static>, ort::Error> {
    Ok(Tensor::from_array((shape, values))?.into())
}

/// A mask in the element type that the graph takes.
fn mask(
    element: TensorElementType,
    shape: Vec<usize>,
    is_set: impl Fn(usize) -> bool,
) -> Result<SessionInputValue<'static>, ort::Error> {
    let set: Vec<bool> = (0..shape.iter().product()).map(is_set).collect();
    Ok(match element {
        TensorElementType::Bool => Tensor::from_array((shape, set))?.into(),
        TensorElementType::Float32 => {
            let values: Vec<f32> = set
                .into_iter()
                .map(|set| f32::from(u8::from(set)))
                .collect();
            Tensor::from_array((shape, values))?.into()
        }
        _ => {
            let values: Vec<i64> = set.into_iter().map(i64::from).collect();
            Tensor::from_array((shape, values))?.into()
        }
    })
}
