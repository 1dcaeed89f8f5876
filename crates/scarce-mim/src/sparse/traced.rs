//! A map in an ONNX graph under construction.

use std::cell::RefCell;

use scarce_train::interchange::onnx::{Attribute, OnnxGraph, Value};
use tch::Tensor;

use crate::MimError;

/// A map in an ONNX graph under construction, `(batch, channel, side…)`: what the network does to it is written down as it
/// is in evaluation, everything visible.
#[derive(Debug)]
pub struct Traced<'a> {
    graph: &'a RefCell<OnnxGraph>,
    value: Value,
    dimensions: usize,
}

impl<'a> Traced<'a> {
    /// The value of a graph, with so many sides.
    pub fn new(graph: &'a RefCell<OnnxGraph>, value: Value, dimensions: usize) -> Self {
        Self {
            graph,
            value,
            dimensions,
        }
    }

    /// Where it is in the graph.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Sides of the map.
    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// What an operator makes of the map and constants.
    pub(super) fn node(
        &self,
        operator: &str,
        constants: &[&Tensor],
        attributes: &[(&str, Attribute)],
    ) -> Result<Self, MimError> {
        let mut graph = self.graph.borrow_mut();
        let mut inputs = vec![self.value.clone()];
        for constant in constants {
            inputs.push(graph.weight("weight", &constant.detach())?);
        }
        let inputs: Vec<&Value> = inputs.iter().collect();
        let value = graph.node(operator, &inputs, attributes);
        drop(graph);
        Ok(self.at(value))
    }

    /// What an operator makes of this map and another.
    pub(super) fn with(&self, operator: &str, other: &Self) -> Self {
        let mut graph = self.graph.borrow_mut();
        self.at(graph.node(operator, &[&self.value, &other.value], &[]))
    }

    /// With channels last for `operator`, and back.
    pub(super) fn channels_last(
        &self,
        operator: impl FnOnce(&Self) -> Result<Self, MimError>,
    ) -> Result<Self, MimError> {
        let last = self.dimensions as i64 + 1;
        let inward: Vec<i64> = [0].into_iter().chain(2..=last).chain([1]).collect();
        let outward: Vec<i64> = [0, last].into_iter().chain(1..last).collect();
        let order = |axes| [("perm", Attribute::Ints(axes))];
        operator(&self.node("Transpose", &[], &order(inward))?)?.node(
            "Transpose",
            &[],
            &order(outward),
        )
    }

    /// A vector that varies along channels.
    pub(super) fn along_channels(&self, vector: &Tensor) -> Result<Tensor, MimError> {
        let mut shape = vec![1, -1];
        shape.resize(2 + self.dimensions, 1);
        Ok(vector.f_view(shape.as_slice())?)
    }

    /// The attributes of an operator on windows.
    pub(super) fn windows(
        &self,
        kernel: i64,
        stride: i64,
        padding: i64,
    ) -> Vec<(&'static str, Attribute)> {
        let each = |n: i64, times: usize| Attribute::Ints(vec![n; times * self.dimensions]);
        vec![
            ("kernel_shape", each(kernel, 1)),
            ("strides", each(stride, 1)),
            ("pads", each(padding, 2)),
        ]
    }

    fn at(&self, value: Value) -> Self {
        Self {
            graph: self.graph,
            value,
            dimensions: self.dimensions,
        }
    }

    pub(super) fn shallow_clone(&self) -> Self {
        self.at(self.value.clone())
    }
}
