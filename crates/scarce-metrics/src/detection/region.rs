//! What is laid over one another: boxes, or masks.

use super::CocoError;
use super::coco::{CocoAnnotation, CocoDetection, Record, Segmentation};
use super::rle::{Rle, share};

/// A box or a mask.
pub(super) trait Region: Sized + Send {
    /// Of the ground truth.
    fn of_annotation(
        annotation: &CocoAnnotation,
        at: Record,
        size_yx: Size,
    ) -> Result<Self, CocoError>;

    /// Of a detection.
    fn of_detection(
        detection: &CocoDetection,
        at: Record,
        size_yx: Size,
    ) -> Result<Self, CocoError>;

    /// Square pixels.
    fn area(&self) -> f64;

    /// Intersection over union with an annotation's, or over this one's area where that is a crowd's. It may be 0 where it is
    /// less than `least`.
    fn iou(&self, truth: &Self, crowd: bool, least: f64) -> f64;
}

/// Height and width of an image that tells them.
pub(super) type Size = Option<[u32; 2]>;

/// Left, top, width and height.
pub(super) struct BoxRegion([f64; 4]);

impl Region for BoxRegion {
    fn of_annotation(annotation: &CocoAnnotation, at: Record, _: Size) -> Result<Self, CocoError> {
        let bbox = annotation.bbox;
        bbox.map(Self).ok_or(CocoError::MissingBox { at })
    }

    fn of_detection(detection: &CocoDetection, at: Record, _: Size) -> Result<Self, CocoError> {
        let bbox = detection.bbox;
        bbox.map(Self).ok_or(CocoError::MissingBox { at })
    }

    fn area(&self) -> f64 {
        self.0[2] * self.0[3]
    }

    fn iou(&self, truth: &Self, crowd: bool, _least: f64) -> f64 {
        let side = |axis: usize| {
            let (low, high) = (self.0[axis], self.0[axis + 2] + self.0[axis]);
            let (truth_low, truth_high) = (truth.0[axis], truth.0[axis + 2] + truth.0[axis]);
            high.min(truth_high) - low.max(truth_low)
        };
        let (width, height) = (side(0), side(1));
        if width <= 0.0 || height <= 0.0 {
            return 0.0;
        }
        let shared = width * height;
        let whole = if crowd {
            self.area()
        } else {
            self.area() + truth.area() - shared
        };
        shared / whole
    }
}

/// A mask, with its area and the box round it.
pub(super) struct MaskRegion {
    mask: Rle,
    area: u32,
    bounds: Option<[u32; 4]>,
}

impl MaskRegion {
    fn new(
        outline: Option<&Segmentation>,
        at: Record,
        image_id: i64,
        size_yx: Size,
    ) -> Result<Self, CocoError> {
        let mask = match (outline, size_yx) {
            (None, _) => return Err(CocoError::MissingSegmentation { at }),
            (Some(Segmentation::Polygons(polygons)), _) if polygons.is_empty() => {
                return Err(CocoError::MissingSegmentation { at });
            }
            (Some(outline), Some(size_yx)) => outline.to_rle(size_yx),
            (Some(Segmentation::Encoded(mask)), None) => mask.to_rle(),
            (Some(Segmentation::Polygons(_)), None) => {
                return Err(CocoError::MissingSize { at, image_id });
            }
        };
        let mask = mask.map_err(|source| CocoError::Segmentation { at, source })?;
        Ok(Self {
            area: mask.area(),
            bounds: mask.bounding_box(),
            mask,
        })
    }
}

impl Region for MaskRegion {
    fn of_annotation(
        annotation: &CocoAnnotation,
        at: Record,
        size_yx: Size,
    ) -> Result<Self, CocoError> {
        let outline = annotation.segmentation.as_ref();
        Self::new(outline, at, annotation.image_id, size_yx)
    }

    fn of_detection(
        detection: &CocoDetection,
        at: Record,
        size_yx: Size,
    ) -> Result<Self, CocoError> {
        let outline = detection.segmentation.as_ref();
        Self::new(outline, at, detection.image_id, size_yx)
    }

    fn area(&self) -> f64 {
        f64::from(self.area)
    }

    fn iou(&self, truth: &Self, crowd: bool, least: f64) -> f64 {
        let (Some(bounds), Some(truth_bounds)) = (self.bounds, truth.bounds) else {
            return 0.0;
        };
        // No more can be shared than the boxes and the smaller mask hold.
        let areas = [self.area, truth.area];
        let most = shared_by_boxes(bounds, truth_bounds)
            .min(areas[0])
            .min(areas[1]);
        if share(most, areas, crowd) < least {
            return 0.0;
        }
        share(self.mask.shared_pixels(&truth.mask), areas, crowd)
    }
}

fn shared_by_boxes(a: [u32; 4], b: [u32; 4]) -> u32 {
    let side = |axis: usize| {
        let end = (a[axis] + a[axis + 2]).min(b[axis] + b[axis + 2]);
        end.saturating_sub(a[axis].max(b[axis]))
    };
    side(0) * side(1)
}
