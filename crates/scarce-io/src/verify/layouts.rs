//! Data sets recognised by their layout.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::faults::Faults;
use super::report::{Fault, Judged};
use super::{coco, json, pairs};

/// Checks a folder that is the root of a data set; nothing for any other.
pub(super) fn check(folder: &Path) -> Vec<Judged> {
    let mut faults = Faults::default();
    let dataset = folder.join("dataset.json");
    if dataset.is_file() {
        match json::read(&dataset) {
            Err(fault) => faults.add(dataset, fault),
            Ok(told) if told.get("training").is_some_and(Value::is_array) => {
                decathlon(folder, &dataset, &told, &mut faults);
            }
            Ok(told) if told.get("file_ending").is_some() => {
                nnunet(folder, &dataset, &told, &mut faults);
            }
            Ok(_) => {}
        }
    }
    if folder.join("dataset_description.json").is_file() {
        bids(folder, &mut faults);
    }
    coco::check(folder, &mut faults);
    faults.into_reports()
}

/// nnU-Net: `imagesTr/ID_0000.ENDING`, one a channel, and `labelsTr/ID.ENDING`.
fn nnunet(root: &Path, dataset: &Path, told: &Value, faults: &mut Faults) {
    let ending = told["file_ending"].as_str().unwrap_or(".nii.gz");
    let channels = told["channel_names"]
        .as_object()
        .map_or(1, serde_json::Map::len);
    let (declared, no_labels) = (declared_labels(&told["labels"]), BTreeSet::new());
    let (images, labels) = (root.join("imagesTr"), root.join("labelsTr"));
    let stems = |folder: &Path| -> BTreeSet<String> {
        names(folder)
            .into_iter()
            .filter_map(|name| name.strip_suffix(ending).map(str::to_owned))
            .collect()
    };
    let (image_stems, cases) = (stems(&images), stems(&labels));
    for case in &cases {
        let label = labels.join(format!("{case}{ending}"));
        for channel in 0..channels {
            let image = images.join(format!("{case}_{channel:04}{ending}"));
            if image.is_file() {
                // What the label holds is the same beside every channel.
                let declared = if channel == 0 { &declared } else { &no_labels };
                for fault in pairs::check(&image, &label, declared) {
                    faults.add(label.clone(), fault);
                }
            } else {
                let message = format!("case {case} has a label and no image of channel {channel}");
                faults.add(image, Fault::new("pair-missing", message));
            }
        }
    }
    for stem in image_stems {
        let case = stem
            .rsplit_once('_')
            .map_or(stem.as_str(), |(case, _)| case);
        if !cases.contains(case) {
            let image = images.join(format!("{stem}{ending}"));
            faults.add(
                image,
                Fault::new("pair-missing", "an image without a label"),
            );
        }
    }
    if let Some(expected) = told["numTraining"].as_u64()
        && expected != cases.len() as u64
    {
        let message = format!(
            "numTraining is {expected}, there are {} labels",
            cases.len()
        );
        faults.add(dataset.to_owned(), Fault::new("count", message));
    }
}

/// The Medical Segmentation Decathlon: pairs listed in `dataset.json`.
fn decathlon(root: &Path, dataset: &Path, told: &Value, faults: &mut Faults) {
    let declared = declared_labels(&told["labels"]);
    let empty = Vec::new();
    let listed = told["training"].as_array().unwrap_or(&empty);
    for pair in listed {
        let (Some(image), Some(label)) = (pair["image"].as_str(), pair["label"].as_str()) else {
            let message = format!("a training entry without image and label: {pair}");
            faults.add(dataset.to_owned(), Fault::new("json", message));
            continue;
        };
        let (image, label) = (root.join(image), root.join(label));
        let mut whole = true;
        for path in [&image, &label] {
            if !path.is_file() {
                whole = false;
                let message = "listed in dataset.json and not there";
                faults.add(path.clone(), Fault::new("pair-missing", message));
            }
        }
        if whole {
            for fault in pairs::check(&image, &label, &declared) {
                faults.add(label.clone(), fault);
            }
        }
    }
    if let Some(expected) = told["numTraining"].as_u64()
        && expected != listed.len() as u64
    {
        let message = format!("numTraining is {expected}, {} are listed", listed.len());
        faults.add(dataset.to_owned(), Fault::new("count", message));
    }
}

/// BIDS: files of a subject carry the subject's name, side-cars are JSON, and who is in
/// `participants.tsv` has a folder.
fn bids(root: &Path, faults: &mut Faults) {
    let participants = root.join("participants.tsv");
    if participants.is_file() {
        match fs::read_to_string(&participants) {
            Err(error) => faults.add(participants, Fault::new("system", error.to_string())),
            Ok(table) => {
                let ids = table
                    .lines()
                    .skip(1)
                    .filter_map(|row| row.split('\t').next());
                let missing = ids.filter(|id| !id.is_empty() && !root.join(id).is_dir());
                for id in missing {
                    let message = format!("participant {id} has no folder");
                    faults.add(participants.clone(), Fault::new("pair-missing", message));
                }
            }
        }
    }
    for subject in names(root)
        .into_iter()
        .filter(|name| name.starts_with("sub-"))
    {
        let mut open = vec![root.join(&subject)];
        while let Some(folder) = open.pop() {
            for name in names(&folder) {
                let path = folder.join(&name);
                if path.is_dir() {
                    open.push(path);
                } else if name.ends_with(".nii.gz") || name.ends_with(".nii") {
                    if !name.starts_with(&format!("{subject}_")) {
                        let message = format!("a file of {subject} whose name says otherwise");
                        faults.add(path, Fault::new("bids-name", message));
                    }
                } else if name.ends_with(".json")
                    && let Err(fault) = json::read(&path)
                {
                    faults.add(path, fault);
                }
            }
        }
    }
}

/// Values of `{"background": 0, "heart": 1}` or `{"0": "background", "1": "heart"}`; regions list several.
fn declared_labels(labels: &Value) -> BTreeSet<u16> {
    let Some(labels) = labels.as_object() else {
        return BTreeSet::new();
    };
    let number = |value: &Value| value.as_u64().and_then(|n| u16::try_from(n).ok());
    labels
        .iter()
        .flat_map(|(key, value)| {
            let of_value = match value {
                Value::Array(several) => several.iter().filter_map(number).collect(),
                one => number(one).into_iter().collect::<Vec<_>>(),
            };
            key.parse().ok().into_iter().chain(of_value)
        })
        .collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}
