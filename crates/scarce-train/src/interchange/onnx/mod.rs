//! Networks as ONNX graphs, for what runs them without libtorch.
//!
//! An exporter walks its network and writes down one node after another:
//!
//! ```no_run
//! use scarce_train::interchange::onnx::{Dim, OnnxGraph};
//! use tch::{Kind, Tensor};
//!
//! let mut graph = OnnxGraph::new("a linear layer");
//! let rows = Dim::Named("rows");
//! let x = graph.input("x", &[rows.clone(), Dim::Fixed(3)]);
//! let weight = graph.weight("weight", &Tensor::ones([3, 2], (Kind::Float, tch::Device::Cpu)))?;
//! let y = graph.node("MatMul", &[&x, &weight], &[]);
//! graph.output("y", &y, &[rows, Dim::Fixed(2)]);
//! let bytes = graph.into_bytes();
//! # assert!(bytes.len() > 24);
//! # Ok::<(), scarce_train::interchange::WeightsError>(())
//! ```

mod graph;
mod layers;
mod proto;

pub use graph::{Attribute, Dim, OPSET, OnnxGraph, Value};

use super::WeightsError;
use super::export::{values, write_beside};
