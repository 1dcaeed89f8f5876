//! Images and what is to be found on them.

use serde::{Deserialize, Serialize};

use super::detection::check_box;
use super::{CocoError, Record, Segmentation, fields, json};

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CocoImage {
    /// Its id.
    pub id: i64,
    /// Rows of pixels. Needed where polygons are filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Columns of pixels. Needed where polygons are filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
}

/// An object on an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CocoAnnotation {
    /// Its id.
    pub id: i64,
    /// The image it is on.
    pub image_id: i64,
    /// What it is.
    pub category_id: i64,
    /// Left, top, width and height in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bbox: Option<[f64; 4]>,
    /// Its outline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segmentation: Option<Segmentation>,
    /// Square pixels, by which it counts as small, medium or large; the file's word is taken, whatever is scored. Without
    /// it, the area of what is scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<f64>,
    /// Whether it stands for a group, none of which is asked for.
    #[serde(
        default,
        deserialize_with = "fields::flag",
        serialize_with = "fields::as_number"
    )]
    pub iscrowd: bool,
}

impl CocoAnnotation {
    /// Where it stands.
    pub(crate) fn record(&self, index: usize) -> Record {
        Record::Annotation { index, id: self.id }
    }
}

/// A kind of object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CocoCategory {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// The ground truth, with every id once and every reference answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CocoDataset {
    images: Vec<CocoImage>,
    annotations: Vec<CocoAnnotation>,
    categories: Vec<CocoCategory>,
    #[serde(skip)]
    image_ids: Ids,
    #[serde(skip)]
    category_ids: Ids,
}

/// The file, not yet looked at.
#[derive(Deserialize)]
struct Lists {
    images: Vec<CocoImage>,
    annotations: Vec<CocoAnnotation>,
    categories: Vec<CocoCategory>,
}

impl CocoDataset {
    /// Puts a ground truth together; the lists keep their order.
    ///
    /// # Errors
    /// [`CocoError`]: an id twice, a reference to nothing, a box or area that is not finite or below 0.
    pub fn new(
        images: Vec<CocoImage>,
        annotations: Vec<CocoAnnotation>,
        categories: Vec<CocoCategory>,
    ) -> Result<Self, CocoError> {
        let image_ids = Ids::new(images.iter().map(|i| i.id), |index, id| Record::Image {
            index,
            id,
        })?;
        let category_ids = Ids::new(categories.iter().map(|c| c.id), |index, id| {
            Record::Category { index, id }
        })?;
        Ids::new(annotations.iter().map(|a| a.id), |index, id| {
            Record::Annotation { index, id }
        })?;
        for (index, one) in annotations.iter().enumerate() {
            let at = one.record(index);
            image_ids.image(one.image_id, at)?;
            category_ids.category(one.category_id, at)?;
            check_box(one.bbox, at)?;
            match one.area {
                Some(got) if !got.is_finite() => {
                    return Err(CocoError::NotFinite {
                        at,
                        field: "area",
                        got,
                    });
                }
                Some(got) if got < 0.0 => {
                    return Err(CocoError::Negative {
                        at,
                        field: "area",
                        got,
                    });
                }
                _ => {}
            }
        }
        Ok(Self {
            images,
            annotations,
            categories,
            image_ids,
            category_ids,
        })
    }

    /// Reads a ground-truth file.
    ///
    /// # Errors
    /// [`CocoError::Json`], with the path of the value; else as [`CocoDataset::new`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, CocoError> {
        let lists: Lists = json::read(bytes, "ground truth")?;
        Self::new(lists.images, lists.annotations, lists.categories)
    }

    /// Writes a ground-truth file.
    ///
    /// # Errors
    /// [`CocoError::NotFinite`] for a polygon's number that JSON has no word for.
    pub fn to_json(&self) -> Result<String, CocoError> {
        for (index, annotation) in self.annotations.iter().enumerate() {
            json::check_outline(annotation.segmentation.as_ref(), annotation.record(index))?;
        }
        json::write(self, "ground truth")
    }

    /// The images' ids.
    pub(crate) fn image_ids(&self) -> &Ids {
        &self.image_ids
    }

    /// The categories' ids.
    pub(crate) fn category_ids(&self) -> &Ids {
        &self.category_ids
    }

    /// The images.
    pub fn images(&self) -> &[CocoImage] {
        &self.images
    }

    /// The annotations.
    pub fn annotations(&self) -> &[CocoAnnotation] {
        &self.annotations
    }

    /// The categories.
    pub fn categories(&self) -> &[CocoCategory] {
        &self.categories
    }
}

/// Ids in ascending order, each with its place in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ids(Vec<(i64, usize)>);

impl Ids {
    /// Refuses an id that comes twice.
    pub(crate) fn new(
        ids: impl Iterator<Item = i64>,
        record: impl Fn(usize, i64) -> Record,
    ) -> Result<Self, CocoError> {
        let mut sorted: Vec<(i64, usize)> = ids.zip(0..).collect();
        sorted.sort_unstable();
        for pair in sorted.windows(2) {
            if let [(id, first), (next, again)] = pair
                && id == next
            {
                return Err(CocoError::DuplicateId {
                    first: record(*first, *id),
                    again: record(*again, *id),
                });
            }
        }
        Ok(Self(sorted))
    }

    /// The rank of an image's id among all.
    pub(crate) fn image(&self, image_id: i64, at: Record) -> Result<usize, CocoError> {
        let unknown = CocoError::UnknownImage { at, image_id };
        self.rank(image_id).ok_or(unknown)
    }

    /// The rank of a category's id among all.
    pub(crate) fn category(&self, category_id: i64, at: Record) -> Result<usize, CocoError> {
        let unknown = CocoError::UnknownCategory { at, category_id };
        self.rank(category_id).ok_or(unknown)
    }

    fn rank(&self, id: i64) -> Option<usize> {
        self.0.binary_search_by_key(&id, |(id, _)| *id).ok()
    }

    /// Places in the list, by ascending id.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|(_, place)| *place)
    }
}
