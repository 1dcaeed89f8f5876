//! What is on images and what was found there, as COCO's records. An image's id is its place from 1 on, a category's its class.

use ndarray::ArrayView2;
use scarce_metrics::detection::coco::{CocoAnnotation, CocoCategory, CocoImage, Segmentation};
use scarce_metrics::detection::{CocoDataset, CocoDetection, Rle};

use super::Found;
use crate::DetectError;

/// An image and the objects on it.
#[derive(Debug)]
pub struct Truth<'a> {
    /// Its file's name.
    pub file_name: &'a str,
    /// Its pixels along y and x.
    pub size_yx: [usize; 2],
    /// The class of each object, from 1 on, and its pixels `(y, x)`; an object without any is left out.
    pub objects: Vec<(u8, ArrayView2<'a, bool>)>,
}

/// Images with all that is on them.
///
/// # Errors
/// [`DetectError::Score`] for a class without a name.
pub fn dataset(images: &[Truth<'_>], classes: &[String]) -> Result<CocoDataset, DetectError> {
    let mut annotations = Vec::new();
    for (place, image) in images.iter().enumerate() {
        for (class, mask) in &image.objects {
            let runs = Rle::from_mask(*mask)?;
            let Some(bbox) = runs.bounding_box() else {
                continue;
            };
            annotations.push(CocoAnnotation {
                id: annotations.len() as i64 + 1,
                image_id: place as i64 + 1,
                category_id: i64::from(*class),
                bbox: Some(bbox.map(f64::from)),
                segmentation: Some(Segmentation::from(&runs)),
                area: Some(f64::from(runs.area())),
                iscrowd: false,
            });
        }
    }
    let images = images.iter().enumerate().map(|(place, image)| CocoImage {
        id: place as i64 + 1,
        height: Some(image.size_yx[0] as u32),
        width: Some(image.size_yx[1] as u32),
        file_name: Some(image.file_name.to_owned()),
    });
    let categories = classes
        .iter()
        .enumerate()
        .map(|(place, name)| CocoCategory {
            id: place as i64 + 1,
            name: name.clone(),
        });
    Ok(CocoDataset::new(
        images.collect(),
        annotations,
        categories.collect(),
    )?)
}

/// What was found in each of the images, in their order.
///
/// # Errors
/// [`DetectError::Runs`] for a mask that is too large.
pub fn detections(found: &[Vec<Found>]) -> Result<Vec<CocoDetection>, DetectError> {
    let mut all = Vec::new();
    for (place, found) in found.iter().enumerate() {
        for object in found {
            let [x1, y1, x2, y2] = object.xyxy;
            let runs = object.mask.as_ref().map(|mask| Rle::from_mask(mask.view()));
            all.push(CocoDetection {
                image_id: place as i64 + 1,
                category_id: i64::from(object.class),
                bbox: Some([x1, y1, x2 - x1, y2 - y1]),
                segmentation: runs.transpose()?.as_ref().map(Segmentation::from),
                score: object.score,
            });
        }
    }
    Ok(all)
}
