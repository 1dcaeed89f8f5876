//! Which models and settings made a region.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::onnx::Provider;

/// A model file, by content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// The part it plays, such as `"text encoder"` or `"tokenizer"`.
    pub name: String,
    /// The file's name without its folder.
    pub file_name: String,
    /// SHA-256 of the file's bytes, lower-case hex (what `sha256sum` prints).
    pub sha256: String,
    /// What ran it, such as `"cpu"`; none for files that are not run. Operators that a provider lacks run on the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
}

impl ModelRecord {
    /// The record of a file whose bytes were read.
    pub fn new(name: impl Into<String>, path: &Path, bytes: &[u8]) -> Self {
        let sha256 = hex(&Sha256::digest(bytes));
        let file_name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        Self {
            name: name.into(),
            file_name,
            sha256,
            provider: None,
        }
    }

    /// With what runs it.
    #[must_use]
    pub fn run_by(mut self, provider: Provider) -> Self {
        self.provider = Some(provider);
        self
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// A label of a label map that belongs to the region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatchedLabel {
    /// The value in the label map.
    pub label: u16,
    /// The label's name as the label map gives it.
    pub name: String,
    /// Similarity of the prompt and the label, 0 to 1; the heat of its voxels.
    pub similarity: f32,
    /// How many voxels carry it.
    pub voxels: usize,
}

/// How a region came about; enough to make it again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    /// The back-end, such as `"label-map"`.
    pub localizer: String,
    /// The prompt as it was given.
    pub prompt: String,
    /// Each model file that was used.
    pub models: Vec<ModelRecord>,
    /// The labels in the region, ascending; empty for back-ends without labels.
    pub matches: Vec<MatchedLabel>,
    /// The back-end's own settings and findings, by name.
    pub settings: BTreeMap<String, serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf abc | sha256sum`
    #[test]
    fn hashes_as_sha256sum() {
        let record = ModelRecord::new("text encoder", Path::new("/somewhere/model.onnx"), b"abc");
        assert_eq!(record.file_name, "model.onnx");
        assert_eq!(
            record.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
