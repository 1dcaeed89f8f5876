//! Names that another disk or another tool would take for one, or for none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::report::{Fault, Judged, Status};

/// Endings without which names are compared, the longer ones first.
const IMAGE_ENDINGS: [&str; 10] = [
    ".nii.gz", ".nii", ".nrrd", ".mha", ".png", ".jpeg", ".jpg", ".tiff", ".tif", ".dcm",
];

/// Looks at what lies in one folder.
pub(super) fn check(entries: &[PathBuf]) -> Vec<Judged> {
    let mut judged = Vec::new();
    let mut same: BTreeMap<String, Vec<&PathBuf>> = BTreeMap::new();
    for path in entries {
        let Some(name) = path.file_name() else {
            continue;
        };
        let Some(name) = name.to_str() else {
            let message = "the name is no UTF-8: JSON and other tools cannot say it";
            judged.push((
                path.clone(),
                Status::Warning,
                vec![Fault::new("name-encoding", message)],
            ));
            continue;
        };
        let name = name.to_lowercase();
        let stem = IMAGE_ENDINGS
            .iter()
            .find_map(|ending| name.strip_suffix(ending));
        same.entry(stem.unwrap_or(&name).to_owned())
            .or_default()
            .push(path);
    }
    for paths in same.into_values().filter(|paths| paths.len() > 1) {
        let names: Vec<&str> = (paths.iter())
            .filter_map(|path| path.file_name()?.to_str())
            .collect();
        let stem = |name: &str| {
            let lower = name.to_lowercase();
            let ending = IMAGE_ENDINGS.iter().find(|ending| lower.ends_with(*ending));
            name[..name.len() - ending.map_or(0, |ending| ending.len())].to_owned()
        };
        let differ_in_case = names.iter().any(|name| stem(name) != stem(names[0]));
        let plain_and_zipped = names.iter().any(|name| name.ends_with(".nii"))
            && names.iter().any(|name| name.ends_with(".nii.gz"));
        if differ_in_case || plain_and_zipped {
            let message = format!(
                "names that are told apart by case or compression alone: {}",
                names.join(", ")
            );
            judged.push((
                paths[0].clone(),
                Status::Warning,
                vec![Fault::new("name-clash", message)],
            ));
        }
    }
    judged
}
