//! The network in ONNX Runtime.

use std::path::Path;

use ndarray::{Array2, Array4, ArrayView2, ArrayView3, Axis, Ix2, Ix4};
use ort::value::{Tensor, TensorElementType};

use crate::ModelRecord;
use crate::onnx::{Model, ModelFault, OnnxError, SessionOptions};

const IMAGE: &str = "image";
const TEXT: &str = "text";
const LOGITS: &str = "logits";
const PRESENCE: &str = "presence";

/// The network that reads slices for prompts.
pub struct OpenNetwork {
    model: Model,
}

/// What the network says of slices.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// Log odds that a pixel belongs to what is asked for, `(slice, prompt, row, column)`.
    pub logits: Array4<f32>,
    /// Log odds that it is in the slice at all, `(slice, prompt)`.
    pub presence: Array2<f32>,
}

impl OpenNetwork {
    /// A model from a file.
    ///
    /// # Errors
    /// [`OnnxError`] when the file is no model, or none of this interface.
    pub fn load(path: &Path, options: &SessionOptions) -> Result<Self, OnnxError> {
        Self::checked(Model::load("localizer", path, options)?)
    }

    /// A model in memory; `file_name` is what records call it.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_bytes(
        file_name: &str,
        bytes: &[u8],
        options: &SessionOptions,
    ) -> Result<Self, OnnxError> {
        Self::checked(Model::from_bytes(
            "localizer",
            Path::new(file_name),
            bytes,
            options,
        )?)
    }

    fn checked(model: Model) -> Result<Self, OnnxError> {
        model.check_inputs(&[(IMAGE, 4), (TEXT, 2)], &[], TensorElementType::Float32)?;
        model.find_output(&[(LOGITS, 4)], TensorElementType::Float32)?;
        model.find_output(&[(PRESENCE, 2)], TensorElementType::Float32)?;
        Ok(Self { model })
    }

    /// The model's file.
    pub fn record(&self) -> &ModelRecord {
        self.model.record()
    }

    /// Looks at slices `(slice, row, column)`, grey from 0 to 1, rows and columns multiples of
    /// [`STRIDE`](super::STRIDE), for prompts `(prompt, 384)`.
    ///
    /// # Errors
    /// [`OnnxError`] when the model refuses them.
    pub fn run(
        &mut self,
        slices: ArrayView3<'_, f32>,
        text: ArrayView2<'_, f32>,
    ) -> Result<Answers, OnnxError> {
        let answers = self.try_run(slices, text);
        answers.map_err(|fault| self.model.fault(fault))
    }

    fn try_run(
        &mut self,
        slices: ArrayView3<'_, f32>,
        text: ArrayView2<'_, f32>,
    ) -> Result<Answers, ModelFault> {
        let failed = |error: ort::Error| ModelFault::Run(error.to_string());
        let image = slices
            .insert_axis(Axis(1))
            .as_standard_layout()
            .into_owned();
        let text = text.as_standard_layout().into_owned();
        let inputs = vec![
            (IMAGE, Tensor::from_array(image).map_err(failed)?.into()),
            (TEXT, Tensor::from_array(text).map_err(failed)?.into()),
        ];
        let outputs = self.model.run(inputs)?;
        let shape = |error: ndarray::ShapeError| ModelFault::Run(error.to_string());
        let logits = outputs[LOGITS].try_extract_array::<f32>().map_err(failed)?;
        let presence = outputs[PRESENCE]
            .try_extract_array::<f32>()
            .map_err(failed)?;
        Ok(Answers {
            logits: logits
                .into_dimensionality::<Ix4>()
                .map_err(shape)?
                .to_owned(),
            presence: presence
                .into_dimensionality::<Ix2>()
                .map_err(shape)?
                .to_owned(),
        })
    }
}
