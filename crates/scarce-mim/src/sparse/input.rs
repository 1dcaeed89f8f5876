//! What a network is given.

use tch::Tensor;

use super::{Active, Traced};

/// What a network is given.
#[derive(Debug)]
pub enum Input<'i, 'a> {
    /// Pixels `(batch, channel, side…)`, and which cells of them are visible; without, all are.
    Pixels(&'i Tensor, Option<&'a Active>),
    /// A value of an ONNX graph that is being written.
    Graph(Traced<'a>),
}
