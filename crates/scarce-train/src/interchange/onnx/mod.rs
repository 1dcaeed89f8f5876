//! Networks as ONNX graphs, for what runs them without libtorch.
//!
//! An exporter walks its network and writes down one node after another, as `tests/onnx_graph.rs` does: `input`, `weight` and
//! `node` give the values that later nodes take, `output` names what is asked for, and `into_bytes` ends the graph. The
//! example stands there since a doc test is linked in a folder from which libtorch is not found.

mod graph;
mod layers;
mod proto;

pub use graph::{Attribute, Dim, OPSET, OnnxGraph, Value};

use super::WeightsError;
use super::export::{values, write_beside};
