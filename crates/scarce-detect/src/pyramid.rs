//! The feature pyramid (Lin et al. 2017): maps of every resolution that know what the deepest ones saw.

use scarce_mim::encoder::MapShape;
use scarce_train::interchange::onnx::{Attribute, OnnxGraph, Value};
use tch::Tensor;
use tch::nn::Path;

use crate::DetectError;
use crate::layers::{Convolution, KAIMING_UNIFORM};

/// Top-down and lateral connections over an encoder's maps; torchvision's names (`inner_blocks`, `layer_blocks`).
#[derive(Debug)]
pub struct FeaturePyramid {
    inner: Vec<Convolution>,
    layer: Vec<Convolution>,
}

impl FeaturePyramid {
    /// Over maps of `shapes`, finest first, with `channels` of its own in each.
    pub fn new(path: &Path<'_>, shapes: &[MapShape], channels: i64) -> Self {
        let each = |name: &str, kernel: i64, from: &dyn Fn(&MapShape) -> i64| {
            let blocks = shapes.iter().enumerate().map(|(k, shape)| {
                let path = path / name / k / 0;
                Convolution::new(&path, [from(shape), channels], kernel, KAIMING_UNIFORM)
            });
            blocks.collect()
        };
        Self {
            inner: each("inner_blocks", 1, &|shape| shape.channels),
            layer: each("layer_blocks", 3, &|_| channels),
        }
    }

    /// The pyramid's maps `(image, channel, y, x)` of the encoder's, finest first, and a further one that takes every
    /// second cell of the deepest.
    ///
    /// # Errors
    /// [`DetectError::Shape`] unless there are as many maps as it was made for.
    pub fn forward(&self, maps: &[Tensor]) -> Result<Vec<Tensor>, DetectError> {
        if maps.len() != self.inner.len() || maps.is_empty() {
            return Err(DetectError::Shape {
                what: "maps for the pyramid",
                expected: "as many as it was made for",
                got: vec![maps.len() as i64],
            });
        }
        let mut pyramid = Vec::with_capacity(maps.len() + 1);
        let mut above: Option<Tensor> = None;
        for ((map, inner), layer) in maps.iter().zip(&self.inner).zip(&self.layer).rev() {
            let mut merged = inner.forward(map)?;
            if let Some(above) = &above {
                let (_, _, height, width) = merged.size4()?;
                merged =
                    merged.f_add(&above.f_upsample_nearest2d([height, width], None, None)?)?;
            }
            pyramid.push(layer.forward(&merged)?);
            above = Some(merged);
        }
        pyramid.reverse();
        let coarsest =
            pyramid[pyramid.len() - 1].f_max_pool2d([1, 1], [2, 2], [0, 0], [1, 1], false)?;
        pyramid.push(coarsest);
        Ok(pyramid)
    }

    /// The same as nodes of a graph, of as many maps as it was made for, each half as fine as the one before.
    pub(crate) fn trace(
        &self,
        graph: &mut OnnxGraph,
        maps: &[Value],
    ) -> Result<Vec<Value>, DetectError> {
        let mut pyramid = Vec::with_capacity(maps.len() + 1);
        let mut above: Option<Value> = None;
        let blocks = self.inner.iter().zip(&self.layer).enumerate();
        for ((k, (inner, layer)), map) in blocks.zip(maps).rev() {
            let mut merged = inner.trace(graph, &format!("inner_blocks.{k}"), map)?;
            if let Some(above) = &above {
                let larger = doubled(graph, above)?;
                merged = graph.node("Add", &[&merged, &larger], &[]);
            }
            pyramid.push(layer.trace(graph, &format!("layer_blocks.{k}"), &merged)?);
            above = Some(merged);
        }
        pyramid.reverse();
        if let Some(deepest) = pyramid.last() {
            let every_second = [
                ("kernel_shape", Attribute::Ints(vec![1; 2])),
                ("strides", Attribute::Ints(vec![2; 2])),
            ];
            pyramid.push(graph.node("MaxPool", &[deepest], &every_second));
        }
        Ok(pyramid)
    }
}

/// Each cell as two by two.
fn doubled(graph: &mut OnnxGraph, map: &Value) -> Result<Value, DetectError> {
    let scales = graph.weight("scales", &Tensor::from_slice(&[1.0_f32, 1.0, 2.0, 2.0]))?;
    let attributes = [
        ("mode", Attribute::Text("nearest")),
        (
            "coordinate_transformation_mode",
            Attribute::Text("asymmetric"),
        ),
        ("nearest_mode", Attribute::Text("floor")),
    ];
    Ok(graph.node_with("Resize", &[Some(map), None, Some(&scales)], &attributes))
}
