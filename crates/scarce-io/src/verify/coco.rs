//! COCO annotations: a JSON with images, annotations and categories.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::faults::Faults;
use super::json;
use super::report::Fault;

/// Where pictures lie, relative to the annotations' folder.
const PICTURE_FOLDERS: [&str; 4] = ["", "images", "../images", ".."];

/// Checks every annotation file of a folder.
pub(super) fn check(folder: &Path, faults: &mut Faults) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.extension().is_some_and(|e| e == "json")
            && let Ok(told) = json::read(&path)
            && ["images", "annotations", "categories"]
                .iter()
                .all(|key| told[*key].is_array())
        {
            check_file(&path, &told, faults);
        }
    }
}

fn check_file(path: &Path, told: &Value, faults: &mut Faults) {
    let list = |key: &str| told[key].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut fault = |code, message: String| faults.add(path.to_owned(), Fault::new(code, message));
    let mut pictures: HashMap<u64, (f64, f64)> = HashMap::new();
    for image in list("images") {
        let name = image["file_name"].as_str().unwrap_or_default();
        let (Some(id), Some(width), Some(height)) = (
            image["id"].as_u64(),
            image["width"].as_f64(),
            image["height"].as_f64(),
        ) else {
            fault(
                "coco-image",
                format!("an image without id, width or height: {image}"),
            );
            continue;
        };
        if pictures.insert(id, (width, height)).is_some() {
            fault("coco-id", format!("image id {id} comes twice"));
        }
        match find_picture(path, name) {
            None => fault("pair-missing", format!("image {id}: no file {name:?}")),
            Some(file) => {
                if let Ok((w, h)) = image::image_dimensions(&file)
                    && (f64::from(w), f64::from(h)) != (width, height)
                {
                    let message = format!("image {id}: {width} × {height} told, {w} × {h} found");
                    fault("coco-size", message);
                }
            }
        }
    }
    let categories: HashSet<u64> = list("categories")
        .iter()
        .filter_map(|c| c["id"].as_u64())
        .collect();
    let mut ids = HashSet::new();
    for annotation in list("annotations") {
        let Some(id) = annotation["id"].as_u64() else {
            fault("coco-id", format!("an annotation without id: {annotation}"));
            continue;
        };
        if id == 0 {
            fault(
                "coco-id",
                "annotation id 0, which pycocotools takes for no match".to_owned(),
            );
        }
        if !ids.insert(id) {
            fault("coco-id", format!("annotation id {id} comes twice"));
        }
        if !annotation["category_id"]
            .as_u64()
            .is_some_and(|c| categories.contains(&c))
        {
            let message = format!(
                "annotation {id}: unknown category {}",
                annotation["category_id"]
            );
            fault("coco-category", message);
        }
        let Some((width, height)) = annotation["image_id"]
            .as_u64()
            .and_then(|i| pictures.get(&i))
        else {
            let message = format!("annotation {id}: unknown image {}", annotation["image_id"]);
            fault("coco-image", message);
            continue;
        };
        let corners: Vec<f64> = annotation["bbox"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_f64)
            .collect();
        let within = matches!(corners[..], [x, y, w, h] if x >= 0.0 && y >= 0.0 && w > 0.0 && h > 0.0
            && x + w <= width + 1.0 && y + h <= height + 1.0);
        if !within {
            let message = format!(
                "annotation {id}: box {} in {width} × {height}",
                annotation["bbox"]
            );
            fault("coco-box", message);
        }
    }
}

fn find_picture(annotations: &Path, name: &str) -> Option<PathBuf> {
    let folder = annotations.parent()?;
    let places = PICTURE_FOLDERS
        .iter()
        .map(|place| folder.join(place).join(name));
    (!name.is_empty()).then(|| places.into_iter().find(|path| path.is_file()))?
}
