//! Convolutions and linear layers as torchvision's detectors draw them.

use tch::Tensor;
use tch::nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use tch::nn::{self, Init, Path};

use scarce_train::interchange::onnx::{Attribute, OnnxGraph, Value};
use scarce_train::pytorch_init::linear;

use crate::DetectError;

/// U(±√(3 / fan-in)): Kaiming-uniform with a = 1.
pub(crate) const KAIMING_UNIFORM: Init = Init::Kaiming {
    dist: NormalOrUniform::Uniform,
    fan: FanInOut::FanIn,
    non_linearity: NonLinearity::ExplicitGain(1.0),
};

/// Kaiming-normal for rectifiers, by what goes out.
pub(crate) const KAIMING_NORMAL: Init = Init::Kaiming {
    dist: NormalOrUniform::Normal,
    fan: FanInOut::FanOut,
    non_linearity: NonLinearity::ReLU,
};

/// A centred convolution with a bias that begins at 0.
#[derive(Debug)]
pub(crate) struct Convolution {
    weight: Tensor,
    bias: Tensor,
}

impl Convolution {
    pub(crate) fn new(path: &Path<'_>, [from, to]: [i64; 2], kernel: i64, weight: Init) -> Self {
        Self {
            weight: path.var("weight", &[to, from, kernel, kernel], weight),
            bias: path.zeros("bias", &[to]),
        }
    }

    pub(crate) fn forward(&self, map: &Tensor) -> Result<Tensor, DetectError> {
        let padding = self.weight.size()[2] / 2;
        let bias = Some(&self.bias);
        Ok(map.f_conv2d(&self.weight, bias, [1, 1], [padding; 2], [1, 1], 1)?)
    }

    pub(crate) fn trace(
        &self,
        graph: &mut OnnxGraph,
        name: &str,
        map: &Value,
    ) -> Result<Value, DetectError> {
        let [weight, bias] = constants(graph, name, [&self.weight, &self.bias])?;
        let kernel = self.weight.size()[2];
        let attributes = [
            ("kernel_shape", Attribute::Ints(vec![kernel; 2])),
            ("pads", Attribute::Ints(vec![kernel / 2; 4])),
        ];
        Ok(graph.node("Conv", &[map, &weight, &bias], &attributes))
    }
}

/// A transposed convolution that makes 2 × 2 cells of each.
#[derive(Debug)]
pub(crate) struct Doubling {
    weight: Tensor,
    bias: Tensor,
}

impl Doubling {
    pub(crate) fn new(path: &Path<'_>, channels: i64) -> Self {
        Self {
            weight: path.var("weight", &[channels, channels, 2, 2], KAIMING_NORMAL),
            bias: path.zeros("bias", &[channels]),
        }
    }

    pub(crate) fn forward(&self, map: &Tensor) -> Result<Tensor, DetectError> {
        let (stride, none, one) = ([2, 2], [0, 0], [1, 1]);
        let bias = Some(&self.bias);
        Ok(map.f_conv_transpose2d(&self.weight, bias, stride, none, none, 1, one)?)
    }

    pub(crate) fn trace(
        &self,
        graph: &mut OnnxGraph,
        name: &str,
        map: &Value,
    ) -> Result<Value, DetectError> {
        let [weight, bias] = constants(graph, name, [&self.weight, &self.bias])?;
        let attributes = [
            ("kernel_shape", Attribute::Ints(vec![2; 2])),
            ("strides", Attribute::Ints(vec![2; 2])),
        ];
        Ok(graph.node("ConvTranspose", &[map, &weight, &bias], &attributes))
    }
}

/// A linear layer as PyTorch draws it.
#[derive(Debug)]
pub(crate) struct Linear(nn::Linear);

impl Linear {
    pub(crate) fn new(path: &Path<'_>, from: i64, to: i64) -> Self {
        Self(linear(path, from, to))
    }

    pub(crate) fn forward(&self, rows: &Tensor) -> Result<Tensor, DetectError> {
        Ok(rows.f_linear(&self.0.ws, self.0.bs.as_ref())?)
    }

    pub(crate) fn trace(
        &self,
        graph: &mut OnnxGraph,
        name: &str,
        rows: &Value,
    ) -> Result<Value, DetectError> {
        Ok(graph.linear(name, rows, &self.0)?)
    }
}

/// Weight and bias of a layer in a graph.
fn constants(
    graph: &mut OnnxGraph,
    name: &str,
    [weight, bias]: [&Tensor; 2],
) -> Result<[Value; 2], DetectError> {
    Ok([
        graph.weight(&format!("{name}.weight"), &weight.detach())?,
        graph.weight(&format!("{name}.bias"), &bias.detach())?,
    ])
}
