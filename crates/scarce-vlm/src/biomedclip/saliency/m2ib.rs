//! M2IB: the multi-modal information bottleneck of Wang, Rudner and Wilson (NeurIPS 2023).

use std::path::Path;

use ndarray::{Array1, Array2, Array3, Array4, Ix3, arr0};
use ort::value::TensorElementType;
use serde::{Deserialize, Serialize};

use super::super::vision_tower;
use crate::onnx::{Model, SessionOptions, graph};
use crate::{LocalizeError, ModelRecord};

/// Alpha before the first step: of sigmoid(5) = 0.993 nearly all is let through.
const FIRST_ALPHA: f32 = 5.0;

/// The settings of M2IB.
///
/// The released tools have a `vvar` besides, tuned over 0.1, 1 and 2. It sets the standard deviation of a Gaussian filter that
/// nothing reads any more: maps are the same for any value, so it is not here.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct M2ibOptions {
    /// Weight of the information kept against the cosine with the prompt; more of it, and less stays hot.
    pub beta: f32,
    /// Block after which the bottleneck lies, from 0; one that was exported (`layer-7` holds the graphs of 7).
    pub layer: usize,
    /// Of the noise.
    pub seed: u64,
    /// Steps of Adam (learning rate 1). The information is that of the last step's beginning.
    pub steps: usize,
}

impl Default for M2ibOptions {
    fn default() -> Self {
        Self {
            beta: 0.1,
            layer: 7,
            seed: 42,
            steps: 10,
        }
    }
}

/// What the bottleneck lets through.
#[derive(Debug, Clone, PartialEq)]
pub struct Information {
    /// Nats, summed over the channels of each patch, on the grid of patches `(y, x)`.
    pub nats: Array2<f32>,
    /// Cosine of picture and prompt in the first step, where nearly all is let through.
    pub cosine: f32,
}

/// M2IB on two graphs: the vision tower up to the bottleneck, and a step of optimisation over the rest, gradient included.
///
/// The number of threads changes nothing. With the same noise, maps of a ViT-B/16 of random weights agree with PyTorch's to
/// 1.2e-5, as PyTorch's own in f32 and f64 do to 1e-6. Gradients there are hardly above Adam's epsilon, which the exporter's
/// optimiser takes for 0 where it is added as it stands: graphs without it are off by 0.02, so `export/biomedclip.py` counts
/// in units of it.
pub struct M2ib {
    prefix: Model,
    step: Model,
    pixels: &'static str,
    side: usize,
    copies: usize,
    tokens: usize,
    channels: usize,
    text_width: usize,
    options: M2ibOptions,
}

impl M2ib {
    /// From the folder that holds `layer-L/vision_prefix.onnx` and `layer-L/m2ib_step.onnx`.
    ///
    /// # Errors
    /// [`LocalizeError`] for options out of range, and for graphs that are missing, or of another interface than
    /// `export/biomedclip.py` gives them.
    pub fn load(
        folder: &Path,
        options: M2ibOptions,
        session: &SessionOptions,
    ) -> Result<Self, LocalizeError> {
        let refused = |option, expected, got: String| LocalizeError::Option {
            option,
            expected,
            got,
        };
        if !(options.beta.is_finite() && options.beta >= 0.0) {
            let got = options.beta.to_string();
            return Err(refused("beta", "a finite number, 0 or more", got));
        }
        if options.steps == 0 {
            return Err(refused("steps", "1 or more", "0".to_owned()));
        }
        let folder = folder.join(format!("layer-{}", options.layer));
        let prefix = Model::load("vision prefix", &folder.join("vision_prefix.onnx"), session)?;
        let step = Model::load("M2IB step", &folder.join("m2ib_step.onnx"), session)?;
        let pixels = vision_tower::input_name(&prefix)?;
        prefix.find_output(&[("hidden", 3)], TensorElementType::Float32)?;
        let ranks = [
            ("alpha", 3),
            ("moment1", 3),
            ("moment2", 3),
            ("step_number", 0),
            ("hidden", 3),
            ("text_features", 2),
            ("noise", 3),
            ("beta", 0),
        ];
        step.check_inputs(&ranks, &[], TensorElementType::Float32)?;
        for (output, rank) in [
            ("next_alpha", 3),
            ("next_moment1", 3),
            ("next_moment2", 3),
            ("information", 3),
            ("cosine", 0),
        ] {
            step.find_output(&[(output, rank)], TensorElementType::Float32)?;
        }
        let [copies, tokens, channels] = graph::fixed_sizes(&step, "noise", [-1; 3])?;
        for same in ["alpha", "moment1", "moment2", "hidden"] {
            graph::fixed_sizes(&step, same, [1, tokens as i64, channels as i64])?;
        }
        let [_, text_width] = graph::fixed_sizes(&step, "text_features", [1, -1])?;
        let side = vision_tower::side(&prefix, pixels)?;
        Ok(Self {
            prefix,
            step,
            pixels,
            side,
            copies,
            tokens,
            channels,
            text_width,
            options,
        })
    }

    /// Pixels along a side of what it sees.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Each model file.
    pub fn models(&self) -> Vec<ModelRecord> {
        vec![self.prefix.record().clone(), self.step.record().clone()]
    }

    /// The hidden states at the bottleneck, `(1, tokens, channels)`: what all prompts of a picture share.
    ///
    /// # Errors
    /// When the model fails.
    pub fn hidden(&mut self, pixel_values: Array4<f32>) -> Result<Array3<f32>, LocalizeError> {
        let inputs = vec![(self.pixels, graph::input(&self.prefix, pixel_values)?)];
        let [hidden] = graph::run(&mut self.prefix, inputs, ["hidden"])?;
        let expected = [1, self.tokens, self.channels];
        let found = format!("{:?}", hidden.shape());
        match hidden.into_dimensionality::<Ix3>() {
            Ok(hidden) if hidden.shape() == expected => Ok(hidden),
            _ => {
                let fault = graph::wrong("hidden", format!("{expected:?}"), found);
                Err(self.prefix.fault(fault).into())
            }
        }
    }

    /// The information of each patch. `noise` fills in the standard normal numbers of a step, counted from 1, as they lie in
    /// `(copies, tokens, channels)`.
    ///
    /// # Errors
    /// When the model fails, or text features are of another width than the graph's.
    pub fn information(
        &mut self,
        hidden: &Array3<f32>,
        text_features: &Array1<f32>,
        noise: &mut dyn FnMut(usize, &mut [f32]),
    ) -> Result<Information, LocalizeError> {
        if text_features.len() != self.text_width {
            let (expected, found) = (self.text_width, text_features.len());
            let fault = graph::wrong(
                "text_features",
                format!("width {expected}"),
                format!("width {found}"),
            );
            return Err(self.step.fault(fault).into());
        }
        let shape = [1, self.tokens, self.channels];
        let text = text_features.clone().insert_axis(ndarray::Axis(0));
        let mut alpha = Array3::from_elem(shape, FIRST_ALPHA).into_dyn();
        let (mut moment1, mut moment2) = (
            Array3::zeros(shape).into_dyn(),
            Array3::zeros(shape).into_dyn(),
        );
        let mut cosine = 0.0;
        let mut nats = Array2::zeros((0, 0));
        for number in 1..=self.options.steps {
            let mut drawn = vec![0.0_f32; self.copies * self.tokens * self.channels];
            noise(number, &mut drawn);
            let drawn = Array3::from_shape_vec((self.copies, self.tokens, self.channels), drawn)
                .map_err(|error| self.step.fault(graph::wrong("noise", "its shape", error)))?;
            let model = &self.step;
            let inputs = vec![
                ("alpha", graph::input(model, alpha)?),
                ("moment1", graph::input(model, moment1)?),
                ("moment2", graph::input(model, moment2)?),
                ("step_number", graph::input(model, arr0(number as f32))?),
                ("hidden", graph::input(model, hidden.clone())?),
                ("text_features", graph::input(model, text.clone())?),
                ("noise", graph::input(model, drawn)?),
                ("beta", graph::input(model, arr0(self.options.beta))?),
            ];
            let outputs = [
                "next_alpha",
                "next_moment1",
                "next_moment2",
                "information",
                "cosine",
            ];
            let [
                next_alpha,
                next_moment1,
                next_moment2,
                information,
                found_cosine,
            ] = graph::run(&mut self.step, inputs, outputs)?;
            (alpha, moment1, moment2) = (next_alpha, next_moment1, next_moment2);
            if number == 1 {
                cosine = found_cosine.iter().copied().sum();
            }
            if number == self.options.steps {
                nats = self.by_patch(&information)?;
            }
        }
        Ok(Information { nats, cosine })
    }

    /// Sums over channels, without the class token's, on the grid of patches.
    fn by_patch(&self, information: &ndarray::ArrayD<f32>) -> Result<Array2<f32>, LocalizeError> {
        let grid = (self.tokens - 1).isqrt();
        let sums: Vec<f32> = information
            .rows()
            .into_iter()
            .skip(1)
            .map(|channels| channels.iter().map(|nats| f64::from(*nats)).sum::<f64>() as f32)
            .collect();
        Array2::from_shape_vec((grid, grid), sums).map_err(|_| {
            let expected = "a class token and a square of patches";
            let found = format!("{:?}", information.shape());
            self.step
                .fault(graph::wrong("information", expected, found))
                .into()
        })
    }
}
