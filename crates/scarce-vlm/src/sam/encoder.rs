//! The graph that sees the picture.

use ndarray::Array4;
use ort::value::TensorElementType;

use super::SamPreprocessing;
use crate::{
    LocalizeError,
    onnx::{Model, ModelFile, OnnxError, SessionOptions, graph},
    picture::{Frame, Picture},
};

const INPUT_IMAGE: &str = "input_image";
const IMAGE_EMBEDDINGS: &str = "image_embeddings";

/// How the graph takes the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `(1, 3, side, side)`, prepared.
    Batch,
    /// `(y, x, 3)` from 0 to 255, resized only: the graph standardises and fills up (samexporter's `--use-preprocess`).
    Pixels,
}

pub(super) struct Encoder {
    model: Model,
    layout: Layout,
    side: usize,
    preprocessing: SamPreprocessing,
}

impl Encoder {
    pub(super) fn new(model: Model, preprocessing: SamPreprocessing) -> Result<Self, OnnxError> {
        let shape = model.input_tensor(INPUT_IMAGE).map(|(_, shape)| shape);
        // Standardising is SAM's alone.
        let takes_pixels = shape.as_ref().is_some_and(|shape| shape.len() == 3);
        let layout = if takes_pixels && preprocessing == SamPreprocessing::Sam {
            Layout::Pixels
        } else {
            Layout::Batch
        };
        let rank = if layout == Layout::Pixels { 3 } else { 4 };
        model.check_inputs(&[(INPUT_IMAGE, rank)], &[], TensorElementType::Float32)?;
        model.find_output(&[(IMAGE_EMBEDDINGS, 4)], TensorElementType::Float32)?;
        let fixed = match layout {
            Layout::Batch => shape
                .as_ref()
                .and_then(|shape| usize::try_from(shape[2]).ok()),
            Layout::Pixels => None,
        };
        Ok(Self {
            model,
            layout,
            side: fixed.unwrap_or_else(|| preprocessing.side()),
            preprocessing,
        })
    }

    pub(super) fn open(file: &ModelFile, options: &SessionOptions) -> Result<Model, OnnxError> {
        Model::open("SAM encoder", file, options)
    }

    pub(super) fn model(&self) -> &Model {
        &self.model
    }

    /// The picture's embeddings, `(1, channels, rows, columns)`, and how the picture lay in the input.
    pub(super) fn embed(
        &mut self,
        picture: &Picture,
    ) -> Result<(Array4<f32>, Frame), LocalizeError> {
        let frame = self.preprocessing.frame(picture.size_yx(), self.side);
        let resized = self.preprocessing.resized(picture, &frame)?;
        let image = match self.layout {
            Layout::Batch => graph::input(&self.model, self.preprocessing.batch(&resized, &frame))?,
            Layout::Pixels => graph::input(&self.model, resized.rgb().mapv(f32::from))?,
        };
        let inputs = vec![(INPUT_IMAGE, image)];
        let [embeddings] = graph::run(&mut self.model, inputs, [IMAGE_EMBEDDINGS])?;
        let expected = "[1, channels, rows, columns]";
        let embeddings: Array4<f32> = graph::shaped(embeddings, IMAGE_EMBEDDINGS, expected)
            .and_then(|embeddings: Array4<f32>| match embeddings.shape() {
                [1, ..] => Ok(embeddings),
                other => Err(graph::wrong(
                    IMAGE_EMBEDDINGS,
                    expected,
                    format!("{other:?}"),
                )),
            })
            .map_err(|fault| self.model.fault(fault))?;
        Ok((embeddings, frame))
    }
}
