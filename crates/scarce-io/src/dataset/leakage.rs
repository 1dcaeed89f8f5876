//! The same image under two names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::{ManifestCase, Part, Split};
use crate::{IoError, read_volume};

/// Cases of different parts that hold the same voxels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// The cases and what they are for, sorted.
    pub cases: Vec<(Part, String)>,
}

/// Finds images of equal voxels in different parts of a split, whatever their names, compression or
/// format. Labelled and unlabelled images are both trained on: between them nothing leaks.
///
/// # Errors
/// [`IoError`] for an image that cannot be read.
pub fn leaks(cases: &[ManifestCase], split: &Split, folder: &Path) -> Result<Vec<Leak>, IoError> {
    let part_of: BTreeMap<&str, Part> = split
        .iter()
        .flat_map(|(part, ids)| ids.iter().map(|id| (id.as_str(), *part)))
        .collect();
    let jobs: Vec<(&str, Part, PathBuf)> = cases
        .iter()
        .filter_map(|case| {
            let part = part_of.get(case.id.as_str())?;
            Some((case.id.as_str(), *part, folder.join(&case.image)))
        })
        .collect();
    let hashes: Vec<(blake3::Hash, Part, &str)> = jobs
        .par_iter()
        .map(|(id, part, path)| Ok((content_hash(path)?, *part, *id)))
        .collect::<Result<_, IoError>>()?;
    let mut same: BTreeMap<[u8; 32], Vec<(Part, String)>> = BTreeMap::new();
    for (hash, part, id) in hashes {
        same.entry(*hash.as_bytes())
            .or_default()
            .push((part, id.to_owned()));
    }
    let mut found: Vec<Leak> = same
        .into_values()
        .filter(|cases| {
            let role = |part: Part| {
                if part == Part::Labelled {
                    Part::Unlabelled
                } else {
                    part
                }
            };
            cases
                .iter()
                .any(|(part, _)| role(*part) != role(cases[0].0))
        })
        .map(|mut cases| {
            cases.sort();
            Leak { cases }
        })
        .collect();
    found.sort_by(|a, b| a.cases.cmp(&b.cases));
    Ok(found)
}

/// Of shape and voxels, not of the file.
fn content_hash(path: &Path) -> Result<blake3::Hash, IoError> {
    let volume = read_volume(path)?;
    let mut hasher = blake3::Hasher::new();
    for n in volume.shape_zyx() {
        hasher.update(&(n as u64).to_le_bytes());
    }
    for row in volume.voxels().rows() {
        let bytes: Vec<u8> = row.iter().flat_map(|v| v.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    Ok(hasher.finalize())
}
