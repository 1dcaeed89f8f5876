//! A file of outlines, VIA's or COCO's, as labels of pixels.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use ndarray::Array2;
use scarce_io::{Outline, read_via};
use scarce_metrics::detection::CocoDataset;
use scarce_metrics::detection::coco::Segmentation;
use serde_json::Value;

/// Outlines by the stem of their image's name, each with its class from 1.
pub struct Outlines {
    by_stem: BTreeMap<String, Vec<(u8, Shape)>>,
}

enum Shape {
    Via(Outline),
    Coco(Segmentation),
}

impl Outlines {
    /// Reads a file; which kind it is shows in it.
    pub fn read(path: &Path, classes: &[String]) -> anyhow::Result<Self> {
        let at = || format!("cannot read {}", path.display());
        let bytes = fs::read(path).with_context(at)?;
        let value: Value = serde_json::from_slice(&bytes).with_context(at)?;
        let is_coco = value.get("images").is_some() && value.get("annotations").is_some();
        if is_coco {
            Self::coco(&bytes, classes).with_context(|| format!("cannot use {}", path.display()))
        } else {
            Self::via(path, classes)
        }
    }

    fn via(path: &Path, classes: &[String]) -> anyhow::Result<Self> {
        let mut by_stem = BTreeMap::new();
        for file in read_via(path)? {
            let mut outlines = Vec::new();
            for (outline, attributes) in file.outlines {
                let class = match classes {
                    [_] => Some(0),
                    _ => attributes
                        .values()
                        .find_map(|value| classes.iter().position(|class| class == value)),
                };
                let class = class.with_context(|| {
                    format!(
                        "a region of {} has {attributes:?}, none of {}: {}",
                        file.file_name,
                        classes.join(", "),
                        path.display()
                    )
                })?;
                outlines.push((class as u8 + 1, Shape::Via(outline)));
            }
            by_stem.insert(stem(&file.file_name), outlines);
        }
        Ok(Self { by_stem })
    }

    fn coco(bytes: &[u8], classes: &[String]) -> anyhow::Result<Self> {
        let dataset = CocoDataset::from_json(bytes)?;
        let mut stems = BTreeMap::new();
        let mut by_stem: BTreeMap<String, Vec<(u8, Shape)>> = BTreeMap::new();
        for image in dataset.images() {
            let name = image.file_name.as_deref();
            let name = name.with_context(|| format!("image {} has no file name", image.id))?;
            stems.insert(image.id, stem(name));
            by_stem.insert(stem(name), Vec::new());
        }
        let categories: BTreeMap<i64, &str> = dataset
            .categories()
            .iter()
            .map(|category| (category.id, category.name.as_str()))
            .collect();
        for annotation in dataset.annotations() {
            let name = categories.get(&annotation.category_id).unwrap_or(&"");
            let class = match classes {
                [_] => Some(0),
                _ => classes.iter().position(|class| class == name),
            };
            let class = class.with_context(|| {
                let id = annotation.id;
                format!(
                    "annotation {id} is of {name:?}, none of {}",
                    classes.join(", ")
                )
            })?;
            let outline = annotation.segmentation.clone();
            let outline =
                outline.with_context(|| format!("annotation {} has no outline", annotation.id))?;
            let outlines = stems
                .get(&annotation.image_id)
                .and_then(|stem| by_stem.get_mut(stem));
            if let Some(outlines) = outlines {
                outlines.push((class as u8 + 1, Shape::Coco(outline)));
            }
        }
        Ok(Self { by_stem })
    }

    /// The names of the images, without their endings.
    pub fn stems(&self) -> Vec<String> {
        self.by_stem.keys().cloned().collect()
    }

    /// The class of each pixel `(y, x)` of an image; where outlines overlap the later one holds.
    pub fn labels(&self, stem: &str, size_yx: [usize; 2]) -> anyhow::Result<Array2<u8>> {
        let mut labels = Array2::zeros((size_yx[0], size_yx[1]));
        for (class, shape) in self.by_stem.get(stem).into_iter().flatten() {
            let inside = match shape {
                Shape::Via(outline) => outline.fill(size_yx),
                Shape::Coco(outline) => outline.to_rle(size_yx.map(|n| n as u32))?.to_mask()?,
            };
            labels.zip_mut_with(&inside, |label, inside| {
                if *inside {
                    *label = *class;
                }
            });
        }
        Ok(labels)
    }
}

fn stem(name: &str) -> String {
    let stem = Path::new(name).file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
