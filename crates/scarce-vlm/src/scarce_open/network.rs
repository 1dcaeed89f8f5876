//! The network in ONNX Runtime.

use std::path::Path;

use ndarray::{Array2, Array4, ArrayView2, ArrayView3, Axis};
use ort::value::TensorElementType;

use crate::ModelRecord;
use crate::onnx::{Model, OnnxError, SessionOptions, graph};

const IMAGE: &str = "image";
const TEXT: &str = "text";
const LOGITS: &str = "logits";
const PRESENCE: &str = "presence";

/// The model that the crate brings along.
static COMMITTED: &[u8] = include_bytes!("../../models/scarce-open/model.onnx");

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
    /// The model that the crate brings along.
    ///
    /// # Errors
    /// [`OnnxError`] where ONNX Runtime is missing.
    pub fn committed(options: &SessionOptions) -> Result<Self, OnnxError> {
        Self::from_bytes("scarce-open.onnx", COMMITTED, options)
    }

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
        let image = slices
            .insert_axis(Axis(1))
            .as_standard_layout()
            .into_owned();
        let text = text.as_standard_layout().into_owned();
        let inputs = vec![
            (IMAGE, graph::input(&self.model, image)?),
            (TEXT, graph::input(&self.model, text)?),
        ];
        let [logits, presence] = graph::run(&mut self.model, inputs, [LOGITS, PRESENCE])?;
        let shaped = || {
            Ok(Answers {
                logits: graph::shaped(logits, LOGITS, "(slice, prompt, row, column)")?,
                presence: graph::shaped(presence, PRESENCE, "(slice, prompt)")?,
            })
        };
        shaped().map_err(|fault| self.model.fault(fault))
    }
}
