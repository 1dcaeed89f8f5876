//! Scans from COCO's files: each image a scan, each annotation a lesion.

use super::scan::check_iou;
use scarce_image::Seed;

use super::{
    BoxCandidate, BoxLesion, FrocError, FrocOptions, FrocReport, FrocScan, HitRule, froc_report,
};
use crate::detection::{CocoDataset, CocoDetection, CocoError};

/// The [report](froc_report) of COCO's files: scans as by [`froc_scans`], of all categories as one.
///
/// # Errors
/// As [`froc_scans`] and [`froc_report`].
pub fn coco_froc_report(
    dataset: &CocoDataset,
    detections: &[CocoDetection],
    iou: f64,
    options: &FrocOptions,
    seed: Seed,
) -> Result<FrocReport, FrocError> {
    let scans = froc_scans(dataset, detections, None, iou)?;
    froc_report(&scans, HitRule::Iou(iou), options, seed)
}

/// Each image of the ground truth as a scan, by ascending id: boxes hit one another where intersection over union
/// is as much as `iou`. Crowds are ignored lesions. Of one category, or of all as one.
///
/// # Errors
/// [`FrocError`]: a box that is missing or not finite, a reference to nothing, a category there is not, a threshold outside
/// (0, 1].
pub fn froc_scans(
    dataset: &CocoDataset,
    detections: &[CocoDetection],
    category_id: Option<i64>,
    iou: f64,
) -> Result<Vec<FrocScan>, FrocError> {
    check_iou(iou)?;
    let (images, categories) = (dataset.image_ids(), dataset.category_ids());
    if let Some(asked) = category_id
        && !dataset.categories().iter().any(|c| c.id == asked)
    {
        return Err(FrocError::Option {
            option: "category_id",
            expected: "a category of the ground truth",
            got: asked.to_string(),
        });
    }
    let is_asked = |of: i64| category_id.is_none_or(|asked| asked == of);
    let mut scans = vec![(Vec::new(), Vec::new()); dataset.images().len()];
    for (index, annotation) in dataset.annotations().iter().enumerate() {
        let at = annotation.record(index);
        let image = images.image(annotation.image_id, at)?;
        if is_asked(annotation.category_id) {
            let [low, high] = corners(annotation.bbox.ok_or(CocoError::MissingBox { at })?);
            scans[image].0.push(BoxLesion {
                low,
                high,
                ignored: annotation.iscrowd,
            });
        }
    }
    for (index, detection) in detections.iter().enumerate() {
        detection.check(index)?;
        let at = detection.record(index);
        let image = images.image(detection.image_id, at)?;
        categories.category(detection.category_id, at)?;
        if is_asked(detection.category_id) {
            let [low, high] = corners(detection.bbox.ok_or(CocoError::MissingBox { at })?);
            scans[image].1.push(BoxCandidate {
                low,
                high,
                score: detection.score,
            });
        }
    }
    let scans = scans.iter();
    scans
        .map(|(lesions, candidates)| FrocScan::from_boxes(lesions, candidates, iou))
        .collect()
}

/// Corners `x, y` of a box of left, top, width and height.
fn corners([x, y, width, height]: [f64; 4]) -> [[f64; 2]; 2] {
    [[x, y], [x + width, y + height]]
}
