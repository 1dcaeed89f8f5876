//! ONNX graphs, compared byte by byte with what the `onnx` package makes of the same nodes.
//!
//! `data/onnx_graph.py` made the golden:
//!
//! ```text
//! pip install onnx
//! python crates/scarce-train/tests/data/onnx_graph.py > crates/scarce-train/tests/data/onnx_graph.hex
//! ```

#![allow(
    clippy::unwrap_used,
    reason = "what stands between the tests is test code too"
)]

use std::fmt::Write as _;

use scarce_train::interchange::WeightsError;
use scarce_train::interchange::onnx::{Attribute, Dim, OnnxGraph};
use tch::{Kind, Tensor};

fn floats(values: &[f32], shape: &[i64]) -> Tensor {
    Tensor::from_slice(values).view(shape)
}

fn small() -> OnnxGraph {
    let mut graph = OnnxGraph::new("small");
    let rows = Dim::Named("rows");
    let x = graph.input("x", &[rows.clone(), Dim::Fixed(3)]);
    let weight = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[3, 2]);
    let weight = graph.weight("weight", &weight).unwrap();
    let axes = graph.integers("axes", &[1]).unwrap();
    let kernel = graph.weight("kernel", &floats(&[0.5], &[1, 1, 1])).unwrap();
    let scales = graph
        .weight("scales", &floats(&[1.0, 1.0, 2.0], &[3]))
        .unwrap();
    let value = graph.node("MatMul", &[&x, &weight], &[]);
    let value = graph.node("LeakyRelu", &[&value], &[("alpha", Attribute::Float(0.25))]);
    let value = graph.node("Unsqueeze", &[&value, &axes], &[]);
    let pads = ("pads", Attribute::Ints(vec![0, 0]));
    let value = graph.node("Conv", &[&value, &kernel], &[pads]);
    let mode = ("mode", Attribute::Text("linear"));
    let value = graph.node_with("Resize", &[Some(&value), None, Some(&scales)], &[mode]);
    graph.output("y", &value, &[rows, Dim::Fixed(1), Dim::Fixed(4)]);
    graph.metadata("seed", "7");
    graph
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[test]
fn writes_what_the_onnx_package_writes() {
    let golden = include_str!("data/onnx_graph.hex").trim();
    assert_eq!(hex(&small().into_bytes()), golden);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.onnx");
    small().write(&path).unwrap();
    assert_eq!(hex(&std::fs::read(path).unwrap()), golden);
}

#[test]
fn values_have_names_of_their_own() {
    let mut graph = OnnxGraph::new("names");
    let x = graph.input("x", &[Dim::Fixed(1)]);
    let once = graph.node("Relu", &[&x], &[]);
    let twice = graph.node("Relu", &[&once], &[]);
    let weight = graph.weight("x", &floats(&[1.0], &[1])).unwrap();
    assert!(once != twice && weight != x);
}

#[test]
fn refuses_kinds_that_it_does_not_write() {
    let mut graph = OnnxGraph::new("kinds");
    let error = graph.weight("w", &Tensor::zeros([2], (Kind::Double, tch::Device::Cpu)));
    assert!(matches!(error, Err(WeightsError::Misfit { .. })));
}
