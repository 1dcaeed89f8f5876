//! A model's file, and what ONNX keeps beside it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use prost::Message;

use super::ModelFault;
use crate::ModelRecord;

/// Where a file of a model lies, and which content it is meant to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFile {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of its bytes in hex; none where any content will do.
    pub sha256: Option<String>,
}

impl ModelFile {
    /// The file with a content that it must have.
    #[must_use]
    pub fn pinned(path: impl Into<PathBuf>, sha256: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            sha256: Some(sha256.into()),
        }
    }

    /// The file's bytes, and its record under `name`.
    pub(crate) fn read(&self, name: &str) -> Result<(Vec<u8>, ModelRecord), ModelFault> {
        let bytes = fs::read(&self.path).map_err(ModelFault::Read)?;
        let record = ModelRecord::new(name, &self.path, &bytes);
        match &self.sha256 {
            Some(expected) if !expected.eq_ignore_ascii_case(&record.sha256) => {
                Err(ModelFault::Hash {
                    expected: expected.clone(),
                    found: record.sha256,
                })
            }
            _ => Ok((bytes, record)),
        }
    }
}

impl<P: Into<PathBuf>> From<P> for ModelFile {
    fn from(path: P) -> Self {
        Self {
            path: path.into(),
            sha256: None,
        }
    }
}

/// Weights that lie outside of the model's file: beyond 2 GB they must.
pub(super) struct ExternalData {
    /// As the model names it.
    pub location: String,
    pub bytes: Arc<[u8]>,
    pub record: ModelRecord,
}

/// The files that the model in `bytes` names, each read whole; they lie beside `path`, never elsewhere.
pub(super) fn external_data(
    name: &str,
    path: &Path,
    bytes: &[u8],
) -> Result<Vec<ExternalData>, ModelFault> {
    // What is no protocol buffer is left to ONNX Runtime, which says so.
    let Ok(model) = ModelProto::decode(bytes) else {
        return Ok(Vec::new());
    };
    let locations = model.graph.map(|graph| graph.locations());
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut found = Vec::new();
    for location in locations.unwrap_or_default() {
        let refused = |message: String| ModelFault::ExternalData {
            location: location.clone(),
            message,
        };
        let is_beside = Path::new(&location)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !is_beside {
            return Err(refused("lies outside of the model's folder".to_owned()));
        }
        let file = folder.join(&location);
        let bytes = fs::read(&file).map_err(|error| refused(format!("cannot be read: {error}")))?;
        found.push(ExternalData {
            record: ModelRecord::new(format!("{name}, external data"), &file, &bytes),
            bytes: bytes.into(),
            location,
        });
    }
    Ok(found)
}

/// The parts of ONNX's `onnx.proto` in which tensors can name files.
#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
}

#[derive(Clone, PartialEq, Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<TensorProto>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeProto {
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<AttributeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributeProto {
    #[prost(message, optional, tag = "5")]
    t: Option<TensorProto>,
    #[prost(message, optional, tag = "6")]
    g: Option<GraphProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(message, repeated, tag = "13")]
    external_data: Vec<StringStringEntryProto>,
    #[prost(int32, optional, tag = "14")]
    data_location: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct StringStringEntryProto {
    #[prost(string, optional, tag = "1")]
    key: Option<String>,
    #[prost(string, optional, tag = "2")]
    value: Option<String>,
}

/// `TensorProto.DataLocation.EXTERNAL`.
const EXTERNAL: i32 = 1;

impl GraphProto {
    fn locations(&self) -> BTreeSet<String> {
        let attributes = || self.node.iter().flat_map(|node| &node.attribute);
        let constants = attributes().filter_map(|attribute| attribute.t.as_ref());
        let subgraphs = attributes().filter_map(|attribute| attribute.g.as_ref());
        self.initializer
            .iter()
            .chain(constants)
            .filter(|tensor| tensor.data_location == Some(EXTERNAL))
            .flat_map(|tensor| &tensor.external_data)
            .filter(|entry| entry.key.as_deref() == Some("location"))
            .filter_map(|entry| entry.value.clone())
            .chain(subgraphs.flat_map(Self::locations))
            .collect()
    }
}
