//! Names for regions by what they depend on, so that what was found once need not be found again.
//!
//! This crate writes no files: whoever keeps regions keeps them under their key.

use std::collections::BTreeMap;

use scarce_image::Volume;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{ModelRecord, picture::Picture, provenance::hex};

/// To be raised when a change of code makes other regions of the same input.
const REVISION: u32 = 1;

/// What a localizer's regions depend on besides image and prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// The back-end's name.
    pub localizer: String,
    /// Each model file; parts and contents count, file names and providers don't.
    pub models: Vec<ModelRecord>,
    /// The settings, by name.
    pub settings: BTreeMap<String, Value>,
}

/// The key of the region that `identity` finds for `prompt` in an image of the content `image_sha256`: 64 lower-case
/// hexadecimal digits.
///
/// Equal keys mean equal regions, up to the rounding of execution providers. Each part counts, to the last blank of the prompt.
pub fn region_key(image_sha256: &str, prompt: &str, identity: &Identity) -> String {
    let mut hash = Parts::new("region");
    hash.add(&REVISION.to_le_bytes());
    hash.add(image_sha256.as_bytes());
    hash.add(prompt.as_bytes());
    hash.add(identity.localizer.as_bytes());
    hash.add(&(identity.models.len() as u64).to_le_bytes());
    for model in &identity.models {
        hash.add(model.name.as_bytes());
        hash.add(model.sha256.as_bytes());
    }
    for (name, value) in &identity.settings {
        hash.add(name.as_bytes());
        hash.add(canonical(value).as_bytes());
    }
    hash.finish()
}

/// SHA-256 over a volume's shape, geometry and voxels, lower-case hex: the same for the same image, whatever file it was in.
pub fn volume_sha256(volume: &Volume<f32>) -> String {
    let mut hash = Parts::new("volume");
    for size in volume.shape_zyx() {
        hash.add(&(size as u64).to_le_bytes());
    }
    let affine = volume.geometry().world_from_voxel().to_cols_array();
    for number in affine {
        hash.add(&number.to_le_bytes());
    }
    let mut bytes = Vec::with_capacity(1 << 16);
    for voxel in volume.voxels() {
        bytes.extend_from_slice(&voxel.to_le_bytes());
        if bytes.len() >= 1 << 16 {
            hash.0.update(&bytes);
            bytes.clear();
        }
    }
    hash.0.update(&bytes);
    hash.finish()
}

/// SHA-256 over a picture's size and pixels, lower-case hex.
pub fn picture_sha256(picture: &Picture) -> String {
    let mut hash = Parts::new("picture");
    for size in picture.size_yx() {
        hash.add(&(size as u64).to_le_bytes());
    }
    let bytes: Vec<u8> = picture.rgb().iter().copied().collect();
    hash.add(&bytes);
    hash.finish()
}

/// A hash over parts, each with its length in front: no two lists of parts run together.
struct Parts(Sha256);

impl Parts {
    fn new(kind: &str) -> Self {
        let mut parts = Self(Sha256::new());
        parts.add(kind.as_bytes());
        parts
    }

    fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// JSON with its keys in order, whatever order they are kept in.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let sorted: BTreeMap<&String, String> = entries
                .iter()
                .map(|(key, value)| (key, canonical(value)))
                .collect();
            let entries: Vec<String> = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{value}", Value::from(key.as_str())))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(canonical).collect();
            format!("[{}]", values.join(","))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ndarray::Array3;
    use scarce_image::Geometry;
    use serde_json::json;

    use super::*;

    fn identity() -> Identity {
        Identity {
            localizer: "clip".to_owned(),
            models: vec![
                ModelRecord::new("text", Path::new("a.onnx"), b"a"),
                ModelRecord::new("vision", Path::new("b.onnx"), b"b"),
            ],
            settings: BTreeMap::from([("beta".to_owned(), json!({"x": 1, "y": [2.5, null]}))]),
        }
    }

    /// ```python
    /// def add(h, part): h.update(struct.pack("<Q", len(part))); h.update(part)
    /// sha = lambda part: hashlib.sha256(part).hexdigest().encode()
    /// h = hashlib.sha256()
    /// for part in [b"region", struct.pack("<I", 1), b"00", b"brain tumour", b"clip", struct.pack("<Q", 2), b"text", sha(b"a"),
    ///              b"vision", sha(b"b"), b"beta", b'{"x":1,"y":[2.5,null]}']:
    ///     add(h, part)
    /// h.hexdigest()
    /// ```
    #[test]
    fn the_key_is_stable() {
        // Another value means that every kept region is found anew: raise REVISION for that, and say so in the changelog.
        assert_eq!(
            region_key("00", "brain tumour", &identity()),
            "5cf9d06af8497f6e208b5b6b81b77088f508afdc44b578a6e616fa5728d941d2"
        );
        let mut moved = identity();
        moved.models[0] = ModelRecord::new("text", Path::new("elsewhere/c.onnx"), b"a")
            .run_by(crate::onnx::Provider::Cuda);
        assert_eq!(
            region_key("0", "x", &moved),
            region_key("0", "x", &identity())
        );
    }

    #[test]
    fn each_part_counts() {
        type Change = fn(&mut Identity);
        let changes: [Change; 7] = [
            |i| i.localizer = "clip2".to_owned(),
            |i| i.models[0].sha256 = "0".to_owned(),
            |i| i.models[1].name = "other".to_owned(),
            |i| i.models.swap(0, 1),
            |i| i.models.truncate(1),
            |i| i.settings = BTreeMap::from([("beta".to_owned(), json!({"x": 1, "y": [2.5, 0]}))]),
            |i| i.settings.extend([("gamma".to_owned(), json!(1))]),
        ];
        let mut keys = vec![
            region_key("00", "brain", &identity()),
            region_key("01", "brain", &identity()),
            region_key("00", "brain ", &identity()),
            region_key("0", "0brain", &identity()),
        ];
        for change in changes {
            let mut other = identity();
            change(&mut other);
            keys.push(region_key("00", "brain", &other));
        }
        let n = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), n);
    }

    #[test]
    fn content_is_shape_place_and_values() {
        let volume = |shape, spacing: f64, first: f32| {
            let mut voxels = Array3::zeros(shape);
            voxels[[0, 0, 0]] = first;
            let geometry = Geometry::from_spacing_mm_xyz([1.0, 1.0, spacing]).unwrap();
            volume_sha256(&Volume::new(voxels, geometry))
        };
        let one = volume((2, 3, 4), 1.0, 1.0);
        assert_eq!(one, volume((2, 3, 4), 1.0, 1.0));
        for other in [
            volume((3, 2, 4), 1.0, 1.0),
            volume((2, 3, 4), 2.0, 1.0),
            volume((2, 3, 4), 1.0, 2.0),
        ] {
            assert_ne!(one, other);
        }
        let picture = |shape| picture_sha256(&Picture::new(Array3::zeros(shape)).unwrap());
        assert_ne!(picture((2, 3, 3)), picture((3, 2, 3)));
    }
}
