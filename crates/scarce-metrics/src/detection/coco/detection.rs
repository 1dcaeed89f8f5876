//! What a detector found.

use serde::{Deserialize, Serialize};

use super::{CocoError, Record, Segmentation, json};

/// One detection, as in COCO's results file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CocoDetection {
    /// The image it is on.
    pub image_id: i64,
    /// What it is taken for.
    pub category_id: i64,
    /// Left, top, width and height in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bbox: Option<[f64; 4]>,
    /// Its outline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segmentation: Option<Segmentation>,
    /// The higher, the surer.
    pub score: f64,
}

impl CocoDetection {
    /// Where it stands.
    pub(crate) fn record(&self, index: usize) -> Record {
        Record::Detection {
            index,
            image_id: self.image_id,
        }
    }

    /// Refuses numbers that are not finite and boxes below size 0.
    pub(crate) fn check(&self, index: usize) -> Result<(), CocoError> {
        let at = self.record(index);
        if !self.score.is_finite() {
            return Err(CocoError::NotFinite {
                at,
                field: "score",
                got: self.score,
            });
        }
        check_box(self.bbox, at)
    }
}

/// Refuses a box that is not finite or below size 0.
pub(super) fn check_box(bbox: Option<[f64; 4]>, at: Record) -> Result<(), CocoError> {
    let Some(bbox) = bbox else {
        return Ok(());
    };
    let [x, y, width, height] = bbox;
    let fields = [
        ("bbox x", x, false),
        ("bbox y", y, false),
        ("bbox width", width, true),
        ("bbox height", height, true),
    ];
    for (field, got, is_size) in fields {
        if !got.is_finite() {
            return Err(CocoError::NotFinite { at, field, got });
        }
        if is_size && got < 0.0 {
            return Err(CocoError::Negative { at, field, got });
        }
    }
    Ok(())
}

/// Reads a results file: a list of detections.
///
/// # Errors
/// [`CocoError::Json`], with the index of the detection and the field. What only the ground truth can tell is found
/// in scoring.
pub fn detections_from_json(bytes: &[u8]) -> Result<Vec<CocoDetection>, CocoError> {
    json::read(bytes, "detections")
}

/// Writes a results file.
///
/// # Errors
/// [`CocoError::NotFinite`] or [`CocoError::Negative`]: JSON has no word for the one, COCO no use for the other.
pub fn detections_to_json(detections: &[CocoDetection]) -> Result<String, CocoError> {
    for (index, detection) in detections.iter().enumerate() {
        detection.check(index)?;
        json::check_outline(detection.segmentation.as_ref(), detection.record(index))?;
    }
    json::write(detections, "detections")
}
