//! One piece of memory for what updates compute on their way, used by one parameter after the other.
//!
//! Fresh temporaries of megabytes are fresh pages from the operating system, and cost more than the arithmetic.

use tch::Tensor;

use super::norm::scalar_like;
use crate::TrainError;

#[derive(Debug)]
pub(super) struct Scratch {
    /// Numbers in the largest parameter.
    largest: usize,
    memory: Option<Tensor>,
}

impl Scratch {
    pub(super) fn new(largest: usize) -> Self {
        Self {
            largest,
            memory: None,
        }
    }

    /// A tensor of the shape, layout, type and device of `parameter`, its values anything.
    pub(super) fn like(&mut self, parameter: &Tensor) -> Result<Tensor, TrainError> {
        let kind = (parameter.kind(), parameter.device());
        let memory = match self.memory.take() {
            Some(memory) if (memory.kind(), memory.device()) == kind => memory,
            _ => Tensor::f_empty([self.largest as i64], kind)?,
        };
        let (size, stride) = (parameter.size(), parameter.stride());
        let extent: i64 = size
            .iter()
            .zip(&stride)
            .map(|(n, step)| (n - 1) * step)
            .sum();
        let tensor = if extent + 1 == parameter.numel() as i64 {
            memory.f_as_strided(&size, &stride, None::<i64>)?
        } else {
            memory
                .f_narrow(0, 0, parameter.numel() as i64)?
                .f_view(size.as_slice())?
        };
        self.memory = Some(memory);
        Ok(tensor)
    }

    /// The gradient times `scale`, in the memory of `into` where it has to be computed.
    pub(super) fn scaled(
        gradient: &Tensor,
        scale: f64,
        into: &Tensor,
    ) -> Result<Tensor, TrainError> {
        Ok(if scale == 1.0 {
            gradient.shallow_clone()
        } else {
            gradient.f_mul_out(into, &scalar_like(scale, gradient)?)?
        })
    }
}
