//! A graph under construction.

use std::collections::BTreeSet;
use std::path::Path;

use prost::Message as _;
use tch::Tensor;

use super::proto::{
    AttributeProto, DimensionProto, FLOAT, GraphProto, INT64, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto, attribute_type,
};
use super::{WeightsError, values, write_beside};

/// The operators' version that graphs are written for: ONNX 1.12, of 2022.
pub const OPSET: i64 = 17;
/// The file format's version of that time.
const IR_VERSION: i64 = 8;

/// A value in a graph, by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value(String);

/// A dimension of an input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    /// Always so many.
    Fixed(i64),
    /// As many as are given; dimensions of one name agree.
    Named(&'static str),
}

/// A property of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A number.
    Int(i64),
    /// Several.
    Ints(Vec<i64>),
    /// A real number.
    Float(f32),
    /// A word.
    Text(&'static str),
}

/// A graph under construction: values are made by [`Self::input`], [`Self::weight`] and [`Self::node`], and used by
/// later nodes, so that the nodes stand in an order in which they can be run.
#[derive(Debug)]
pub struct OnnxGraph {
    graph: GraphProto,
    names: BTreeSet<String>,
    metadata: Vec<StringStringEntryProto>,
}

impl OnnxGraph {
    /// A graph without nodes.
    pub fn new(name: &str) -> Self {
        let graph = GraphProto {
            name: name.to_owned(),
            ..GraphProto::default()
        };
        Self {
            graph,
            names: BTreeSet::new(),
            metadata: Vec::new(),
        }
    }

    /// A float32 input.
    pub fn input(&mut self, name: &str, shape: &[Dim]) -> Value {
        self.input_of(FLOAT, name, shape)
    }

    /// An input of whole numbers, int64.
    pub fn integer_input(&mut self, name: &str, shape: &[Dim]) -> Value {
        self.input_of(INT64, name, shape)
    }

    fn input_of(&mut self, kind: i32, name: &str, shape: &[Dim]) -> Value {
        let value = self.fresh(name);
        self.graph.input.push(tensor_of(kind, &value.0, shape));
        value
    }

    /// A constant of float32 or int64.
    ///
    /// # Errors
    /// [`WeightsError`] for a tensor of another kind.
    pub fn weight(&mut self, name: &str, tensor: &Tensor) -> Result<Value, WeightsError> {
        let data_type = match tensor.kind() {
            tch::Kind::Float => FLOAT,
            tch::Kind::Int64 => INT64,
            kind => {
                return Err(WeightsError::Misfit {
                    faults: vec![format!("{name} is of kind {kind:?}")],
                    path: "ONNX graph".into(),
                });
            }
        };
        let value = self.fresh(name);
        self.graph.initializer.push(TensorProto {
            dims: tensor.size(),
            data_type,
            name: value.0.clone(),
            raw_data: values(tensor)?,
        });
        Ok(value)
    }

    /// A list of whole numbers, as shapes and axes are given.
    ///
    /// # Errors
    /// As [`Self::weight`].
    pub fn integers(&mut self, name: &str, values: &[i64]) -> Result<Value, WeightsError> {
        self.weight(name, &Tensor::from_slice(values))
    }

    /// A node of the standard operators with one output.
    pub fn node(
        &mut self,
        operator: &str,
        inputs: &[&Value],
        attributes: &[(&str, Attribute)],
    ) -> Value {
        let optional: Vec<Option<&Value>> = inputs.iter().copied().map(Some).collect();
        self.node_with(operator, &optional, attributes)
    }

    /// The same with inputs left out.
    pub fn node_with(
        &mut self,
        operator: &str,
        inputs: &[Option<&Value>],
        attributes: &[(&str, Attribute)],
    ) -> Value {
        let value = self.fresh(&operator.to_lowercase());
        let names = inputs
            .iter()
            .map(|input| input.map_or_else(String::new, |v| v.0.clone()));
        self.graph.node.push(NodeProto {
            input: names.collect(),
            output: vec![value.0.clone()],
            name: value.0.clone(),
            op_type: operator.to_owned(),
            attribute: attributes.iter().map(|(n, a)| a.proto(n)).collect(),
        });
        value
    }

    /// Makes `value` a float32 output called `name`.
    pub fn output(&mut self, name: &str, value: &Value, shape: &[Dim]) {
        let named = self.fresh(name);
        self.graph.node.push(NodeProto {
            input: vec![value.0.clone()],
            output: vec![named.0.clone()],
            name: format!("{} is an output", named.0),
            op_type: "Identity".to_owned(),
            attribute: Vec::new(),
        });
        self.graph.output.push(tensor_of(FLOAT, &named.0, shape));
    }

    /// A line of metadata.
    pub fn metadata(&mut self, key: &str, value: &str) {
        self.metadata.push(StringStringEntryProto {
            key: key.to_owned(),
            value: value.to_owned(),
        });
    }

    /// The file's bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        let model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: "scarce".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            doc_string: String::new(),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto {
                domain: Some(String::new()),
                version: OPSET,
            }],
            metadata_props: self.metadata,
        };
        model.encode_to_vec()
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// [`WeightsError::Io`].
    pub fn write(self, path: &Path) -> Result<(), WeightsError> {
        write_beside(path, &self.into_bytes())
    }

    /// A name that no other value has.
    fn fresh(&mut self, wanted: &str) -> Value {
        let mut name = wanted.to_owned();
        let mut number = 1;
        while !self.names.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}.{number}");
        }
        Value(name)
    }
}

impl Attribute {
    fn proto(&self, name: &str) -> AttributeProto {
        let mut proto = AttributeProto {
            name: name.to_owned(),
            ..AttributeProto::default()
        };
        match self {
            Self::Int(value) => {
                proto.i = *value;
                proto.r#type = attribute_type::INT;
            }
            Self::Ints(values) => {
                proto.ints.clone_from(values);
                proto.r#type = attribute_type::INTS;
            }
            Self::Float(value) => {
                proto.f = *value;
                proto.r#type = attribute_type::FLOAT;
            }
            Self::Text(value) => {
                proto.s = value.as_bytes().to_vec();
                proto.r#type = attribute_type::STRING;
            }
        }
        proto
    }
}

fn tensor_of(kind: i32, name: &str, shape: &[Dim]) -> ValueInfoProto {
    let dim = |dim: &Dim| match dim {
        Dim::Fixed(n) => DimensionProto {
            dim_value: Some(*n),
            dim_param: None,
        },
        Dim::Named(name) => DimensionProto {
            dim_value: None,
            dim_param: Some((*name).to_owned()),
        },
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: kind,
                shape: Some(TensorShapeProto {
                    dim: shape.iter().map(dim).collect(),
                }),
            }),
        }),
    }
}
