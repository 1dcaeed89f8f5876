//! Two pieces of memory for what LAMB's updates compute on their way, used by one parameter after the other.
//!
//! Fresh temporaries of megabytes are fresh pages from the operating system, and cost more than the arithmetic.

use tch::Tensor;

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

    /// Two tensors of the shape, layout, type and device of `parameter`, their values anything.
    pub(super) fn rooms(&mut self, parameter: &Tensor) -> Result<[Tensor; 2], TrainError> {
        let kind = (parameter.kind(), parameter.device());
        let memory = match self.memory.take() {
            Some(memory) if (memory.kind(), memory.device()) == kind => memory,
            _ => Tensor::f_empty([2 * self.largest as i64], kind)?,
        };
        let (size, stride) = (parameter.size(), parameter.stride());
        let extent: i64 = size
            .iter()
            .zip(&stride)
            .map(|(n, step)| (n - 1) * step)
            .sum();
        let is_dense = extent + 1 == parameter.numel() as i64;
        let room = |number: i64| {
            let from = number * self.largest as i64;
            if is_dense {
                memory.f_as_strided(&size, &stride, from)
            } else {
                let part = memory.f_narrow(0, from, parameter.numel() as i64)?;
                part.f_view(size.as_slice())
            }
        };
        let rooms = [room(0)?, room(1)?];
        self.memory = Some(memory);
        Ok(rooms)
    }
}
