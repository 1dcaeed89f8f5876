//! Convolutions and norms over two or three axes.

use scarce_train::pytorch_init::{batch_norm, uniform_fan_in};
use tch::Tensor;
use tch::nn::{self, BatchNorm, GroupNorm, GroupNormConfig, Module as _, ModuleT as _, Path};

use super::{Normalisation, VNetConfig};
use crate::CornError;

/// A convolution with bias, from PyTorch's initialisation.
#[derive(Debug)]
pub(super) struct Convolution {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
    padding: i64,
    kind: ConvolutionKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConvolutionKind {
    Plain,
    /// From a level to the next finer one.
    Transposed,
}

impl Convolution {
    pub(super) fn new(
        path: &Path<'_>,
        config: &VNetConfig,
        kind: ConvolutionKind,
        [inputs, outputs]: [i64; 2],
        [kernel, stride]: [i64; 2],
    ) -> Result<Self, CornError> {
        let mut shape = match kind {
            ConvolutionKind::Plain => vec![outputs, inputs],
            ConvolutionKind::Transposed => vec![inputs, outputs],
        };
        shape.extend(vec![kernel; config.dimensions]);
        // PyTorch takes the fan-in from a weight's second axis, a transposed one's too.
        let init = uniform_fan_in(shape[1..].iter().product());
        let bias = path.f_var("bias", &[outputs], init)?;
        Ok(Self {
            weight: path.f_var("weight", &shape, init)?,
            bias,
            stride,
            padding: if stride == 1 { kernel / 2 } else { 0 },
            kind,
        })
    }

    pub(super) fn forward(&self, input: &Tensor) -> Result<Tensor, CornError> {
        let axes = self.weight.dim() - 2;
        let along = |n: i64| vec![n; axes];
        let (weight, bias) = (&self.weight, Some(&self.bias));
        let (stride, padding, one, zero) =
            (along(self.stride), along(self.padding), along(1), along(0));
        Ok(match (axes, self.kind) {
            (2, ConvolutionKind::Plain) => input.f_conv2d(weight, bias, stride, padding, one, 1)?,
            (_, ConvolutionKind::Plain) => input.f_conv3d(weight, bias, stride, padding, one, 1)?,
            (2, ConvolutionKind::Transposed) => {
                input.f_conv_transpose2d(weight, bias, stride, padding, zero, 1, one)?
            }
            (_, ConvolutionKind::Transposed) => {
                input.f_conv_transpose3d(weight, bias, stride, padding, zero, 1, one)?
            }
        })
    }
}

#[derive(Debug)]
pub(super) enum Norm {
    Batch(BatchNorm),
    Instance(GroupNorm),
}

impl Norm {
    pub(super) fn new(path: &Path<'_>, config: &VNetConfig, channels: i64) -> Self {
        match config.normalisation {
            Normalisation::Batch => {
                let path = path / "bn";
                Self::Batch(match config.dimensions {
                    2 => nn::batch_norm2d(path, channels, batch_norm()),
                    _ => nn::batch_norm3d(path, channels, batch_norm()),
                })
            }
            // A group for each channel.
            Normalisation::Instance => Self::Instance(nn::group_norm(
                path / "in",
                channels,
                channels,
                GroupNormConfig::default(),
            )),
        }
    }

    pub(super) fn forward(&self, input: &Tensor, train: bool) -> Tensor {
        match self {
            Self::Batch(norm) => norm.forward_t(input, train),
            Self::Instance(norm) => norm.forward(input),
        }
    }
}

/// Convolution, normalisation, rectifier.
#[derive(Debug)]
pub(super) struct ConvUnit {
    convolution: Convolution,
    norm: Norm,
}

impl ConvUnit {
    /// `kernel_and_stride` of 3 and 1 keeps the resolution, 2 and 2 halves it, or doubles it transposed.
    pub(super) fn new(
        path: &Path<'_>,
        config: &VNetConfig,
        kind: ConvolutionKind,
        channels: [i64; 2],
        kernel_and_stride: [i64; 2],
    ) -> Result<Self, CornError> {
        let conv = &(path / "conv");
        Ok(Self {
            convolution: Convolution::new(conv, config, kind, channels, kernel_and_stride)?,
            norm: Norm::new(path, config, channels[1]),
        })
    }

    pub(super) fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, CornError> {
        let convolved = self.convolution.forward(input)?;
        Ok(self.norm.forward(&convolved, train).f_relu()?)
    }
}

/// A level's convolutions at one resolution.
#[derive(Debug)]
pub(super) struct Block(Vec<ConvUnit>);

impl Block {
    pub(super) fn new(
        path: &Path<'_>,
        config: &VNetConfig,
        from: i64,
        filters: i64,
        count: usize,
    ) -> Result<Self, CornError> {
        let units = (0..count).map(|k| {
            let inputs = if k == 0 { from } else { filters };
            let path = &(path / "block" / k);
            let channels = [inputs, filters];
            ConvUnit::new(path, config, ConvolutionKind::Plain, channels, [3, 1])
        });
        Ok(Self(units.collect::<Result<_, _>>()?))
    }

    pub(super) fn forward(&self, input: Tensor, train: bool) -> Result<Tensor, CornError> {
        self.0
            .iter()
            .try_fold(input, |x, unit| unit.forward(&x, train))
    }
}
