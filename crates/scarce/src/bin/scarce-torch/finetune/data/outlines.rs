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

use super::pictures::stem;

/// Outlines by the stem of their image's name.
pub struct Outlines {
    by_stem: BTreeMap<String, Vec<Outlined>>,
}

struct Outlined {
    /// From 1.
    class: u8,
    shape: Shape,
    /// Whether it stands for a group of objects.
    is_crowd: bool,
}

enum Shape {
    Via(Outline),
    Coco(Segmentation),
    /// A box alone, as annotation `id` has it.
    Box {
        id: i64,
        xywh: [f64; 4],
    },
}

impl Shape {
    /// Its pixels; those of a box only where boxes will do.
    fn fill(&self, size_yx: [usize; 2], boxes_will_do: bool) -> anyhow::Result<Array2<bool>> {
        Ok(match self {
            Self::Via(outline) => outline.fill(size_yx),
            Self::Coco(outline) => outline.to_rle(size_yx.map(|n| n as u32))?.to_mask()?,
            Self::Box { id, xywh } => {
                anyhow::ensure!(boxes_will_do, "annotation {id} has no outline");
                let [x, y, width, height] = *xywh;
                // Pixels whose middle lies inside.
                let inside =
                    |k: usize, low: f64, side: f64| (low..low + side).contains(&(k as f64 + 0.5));
                Array2::from_shape_fn((size_yx[0], size_yx[1]), |(row, column)| {
                    inside(row, y, height) && inside(column, x, width)
                })
            }
        })
    }
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
                outlines.push(Outlined {
                    class: class as u8 + 1,
                    shape: Shape::Via(outline),
                    is_crowd: false,
                });
            }
            by_stem.insert(stem(&file.file_name), outlines);
        }
        Ok(Self { by_stem })
    }

    fn coco(bytes: &[u8], classes: &[String]) -> anyhow::Result<Self> {
        let dataset = CocoDataset::from_json(bytes)?;
        let mut stems = BTreeMap::new();
        let mut by_stem: BTreeMap<String, Vec<Outlined>> = BTreeMap::new();
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
            let id = annotation.id;
            let shape = match (&annotation.segmentation, annotation.bbox) {
                (Some(Segmentation::Polygons(parts)), Some(xywh)) if parts.is_empty() => {
                    Shape::Box { id, xywh }
                }
                (Some(outline), _) => Shape::Coco(outline.clone()),
                (None, Some(xywh)) => Shape::Box { id, xywh },
                (None, None) => anyhow::bail!("annotation {id} has neither outline nor box"),
            };
            let outlines = stems
                .get(&annotation.image_id)
                .and_then(|stem| by_stem.get_mut(stem));
            if let Some(outlines) = outlines {
                outlines.push(Outlined {
                    class: class as u8 + 1,
                    shape,
                    is_crowd: annotation.iscrowd,
                });
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
        for Outlined { class, shape, .. } in self.by_stem.get(stem).into_iter().flatten() {
            let inside = shape.fill(size_yx, false)?;
            labels.zip_mut_with(&inside, |label, inside| {
                if *inside {
                    *label = *class;
                }
            });
        }
        Ok(labels)
    }

    /// The class and the pixels `(y, x)` of each object of an image; groups of objects are left out.
    pub fn objects(
        &self,
        stem: &str,
        size_yx: [usize; 2],
        boxes_will_do: bool,
    ) -> anyhow::Result<Vec<(u8, Array2<bool>)>> {
        let outlines = self.by_stem.get(stem).into_iter().flatten();
        let single = outlines.filter(|outlined| !outlined.is_crowd);
        single
            .map(|outlined| Ok((outlined.class, outlined.shape.fill(size_yx, boxes_will_do)?)))
            .collect()
    }
}
