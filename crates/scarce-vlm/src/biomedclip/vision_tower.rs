//! The picture's side of BiomedCLIP.

use std::path::Path;

use ndarray::{Array2, Array4, Ix2, Ix3};
use ort::value::TensorElementType;

use crate::onnx::{Model, ModelFault, OnnxError, SessionOptions, graph};
use crate::{LocalizeError, ModelRecord};

const INPUTS: [&str; 2] = ["pixel_values", "image"];
const PATCH_FEATURES: &str = "patch_features";
/// Where a graph leaves it open: ViT-B/16's.
const USUAL_SIDE: usize = 224;

/// A vision tower: `pixel_values` (or `image`) f32 `(pictures, 3, side, side)` to `image_features` (or `embedding`) f32
/// `(pictures, width)`, and `patch_features` f32 `(pictures, patches, width)` where the graph has them.
pub struct VisionTower {
    model: Model,
    input: &'static str,
    output: &'static str,
    side: usize,
    /// Pictures that the graph asks for at once, if it leaves that not open.
    fixed_batch: Option<usize>,
}

impl VisionTower {
    /// From a graph.
    ///
    /// # Errors
    /// [`OnnxError`] when the file is missing or broken, or its inputs or outputs are others.
    pub fn load(model_onnx: &Path, options: &SessionOptions) -> Result<Self, OnnxError> {
        let model = Model::load("vision tower", model_onnx, options)?;
        let input = input_name(&model)?;
        let output = model.find_output(
            &[("image_features", 2), ("embedding", 2)],
            TensorElementType::Float32,
        )?;
        let shape = model.input_shape(input).unwrap_or_default();
        let side = side(&model, input)?;
        Ok(Self {
            input,
            output,
            side,
            fixed_batch: shape.first().and_then(|n| usize::try_from(*n).ok()),
            model,
        })
    }

    /// Pixels along a side of what it sees.
    pub fn side(&self) -> usize {
        self.side
    }

    /// The file.
    pub fn record(&self) -> &ModelRecord {
        self.model.record()
    }

    /// Features of each of a batch of normalised pictures, `(pictures, width)`, not scaled to a length.
    ///
    /// # Errors
    /// [`OnnxError`] when the model fails.
    pub fn features(&mut self, pixel_values: Array4<f32>) -> Result<Array2<f32>, LocalizeError> {
        let pictures = pixel_values.dim().0;
        if self.fixed_batch.is_some_and(|fixed| fixed != pictures) {
            return self.one_by_one(&pixel_values);
        }
        let inputs = vec![(self.input, graph::input(&self.model, pixel_values)?)];
        let [found] = graph::run(&mut self.model, inputs, [self.output])?;
        let shape = format!("{:?}", found.shape());
        match found.into_dimensionality::<Ix2>() {
            Ok(features) if features.nrows() == pictures => Ok(features),
            _ => {
                let fault = graph::wrong(self.output, format!("[{pictures}, width]"), shape);
                Err(self.model.fault(fault).into())
            }
        }
    }

    /// Features of a picture `(width)`, and of each of its patches `(patches, width)`, rows first.
    ///
    /// # Errors
    /// [`OnnxError`] when the model fails, or has no `patch_features`.
    pub fn patch_features(
        &mut self,
        pixel_values: Array4<f32>,
    ) -> Result<(Array2<f32>, Array2<f32>), LocalizeError> {
        self.model
            .find_output(&[(PATCH_FEATURES, 3)], TensorElementType::Float32)?;
        let inputs = vec![(self.input, graph::input(&self.model, pixel_values)?)];
        let outputs = [self.output, PATCH_FEATURES];
        let [image, patches] = graph::run(&mut self.model, inputs, outputs)?;
        let shape = format!("{:?}", patches.shape());
        let image = image.into_dimensionality::<Ix2>();
        match (image, patches.into_dimensionality::<Ix3>()) {
            (Ok(image), Ok(patches))
                if image.nrows() == 1 && patches.dim().0 == 1 && patches.dim().1 > 0 =>
            {
                Ok((image, patches.index_axis_move(ndarray::Axis(0), 0)))
            }
            _ => {
                let fault = graph::wrong(PATCH_FEATURES, "[1, patches, width]", shape);
                Err(self.model.fault(fault).into())
            }
        }
    }

    /// Refuses features that cannot be compared with the text tower's.
    pub(super) fn check_width(&self, found: usize, expected: usize) -> Result<(), OnnxError> {
        if found == expected {
            return Ok(());
        }
        let expected = format!("the text tower's width, {expected}");
        Err(self.model.fault(graph::wrong(self.output, expected, found)))
    }

    /// Values of patches, rows first, on their square grid.
    pub(super) fn on_grid(&self, values: Vec<f32>) -> Result<Array2<f32>, OnnxError> {
        let (patches, grid) = (values.len(), values.len().isqrt());
        Array2::from_shape_vec((grid, grid), values).map_err(|_| {
            let found = format!("{patches} patches");
            self.model
                .fault(graph::wrong(PATCH_FEATURES, "a square of patches", found))
        })
    }

    /// For a graph of a fixed batch: the picture, repeated to fill it.
    fn one_by_one(&mut self, pixel_values: &Array4<f32>) -> Result<Array2<f32>, LocalizeError> {
        let batch = self.fixed_batch.unwrap_or(1);
        let (pictures, channels, height, width) = pixel_values.dim();
        let mut rows = Vec::new();
        for at in 0..pictures {
            let repeated =
                Array4::from_shape_fn((batch, channels, height, width), |(_, c, y, x)| {
                    pixel_values[[at, c, y, x]]
                });
            rows.extend(self.features(repeated)?.row(0).to_vec());
        }
        let width = rows.len() / pictures.max(1);
        Array2::from_shape_vec((pictures, width), rows).map_err(|error| {
            let fault = graph::wrong(self.output, "one width", error);
            self.model.fault(fault).into()
        })
    }
}

/// Which of the names for pixels the graph has.
pub(super) fn input_name(model: &Model) -> Result<&'static str, OnnxError> {
    let names = model.input_names();
    let found = INPUTS
        .into_iter()
        .find(|name| names.iter().any(|n| n == name));
    let name = found.unwrap_or(INPUTS[0]);
    model.check_inputs(&[(name, 4)], &[], TensorElementType::Float32)?;
    Ok(name)
}

/// Pixels along a side of a graph's square input.
pub(super) fn side(model: &Model, input: &str) -> Result<usize, OnnxError> {
    match model.input_shape(input).unwrap_or_default()[..] {
        [_, -1 | 3, -1, -1] => Ok(USUAL_SIDE),
        [_, -1 | 3, height, width] if height == width && height > 0 => Ok(height as usize),
        ref other => Err(model.fault(ModelFault::PortType {
            port: input.to_owned(),
            expected: "sizes [pictures, 3, side, side]".to_owned(),
            found: format!("sizes {other:?}"),
        })),
    }
}
