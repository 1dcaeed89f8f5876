//! The graph that sees the picture.

use ndarray::{Array4, Ix4};
use ort::value::{TensorElementType, TensorRef};

use super::SamPreprocessing;
use crate::{
    LocalizeError,
    onnx::{Model, ModelFault, ModelFile, OnnxError, SessionOptions},
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
        let embeddings = match self.layout {
            Layout::Batch => self.run(self.preprocessing.batch(&resized, &frame)),
            Layout::Pixels => self.run(resized.rgb().mapv(f32::from)),
        };
        let embeddings = embeddings.map_err(|fault| self.model.fault(fault))?;
        Ok((embeddings, frame))
    }

    fn run<D: ndarray::Dimension + 'static>(
        &mut self,
        input: ndarray::Array<f32, D>,
    ) -> Result<Array4<f32>, ModelFault> {
        let failed = |error: ort::Error| ModelFault::Run(error.to_string());
        let tensor = TensorRef::from_array_view(&input).map_err(failed)?;
        let outputs = self.model.run(vec![(INPUT_IMAGE, tensor.into())])?;
        let values = outputs[IMAGE_EMBEDDINGS]
            .try_extract_array::<f32>()
            .map_err(failed)?;
        let wrong = |found: String| ModelFault::Output {
            output: IMAGE_EMBEDDINGS.to_owned(),
            expected: "finite numbers, [1, channels, rows, columns]".to_owned(),
            found,
        };
        if values.ndim() != 4 || values.shape()[0] != 1 {
            return Err(wrong(format!("{:?}", values.shape())));
        }
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(wrong(value.to_string()));
        }
        let values = values.into_dimensionality::<Ix4>();
        Ok(values.map_err(|error| wrong(error.to_string()))?.to_owned())
    }
}
