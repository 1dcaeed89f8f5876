//! Free-response ROC: sensitivity for lesions over false positives a scan.
//!
//! | figure | definition |
//! | --- | --- |
//! | sensitivity(t) | lesions hit by a candidate of score ≥ t / lesions |
//! | false positives(t) | candidates of score ≥ t that hit nothing / scans |
//! | `sensitivity_at_r` | sensitivity where the curve, straight between the scores' points, crosses r false positives a scan |
//! | `cpm` | mean of `sensitivity_at_r` over the rates, by default ⅛, ¼, ½, 1, 2, 4 and 8 (competition performance metric) |
//!
//! The rules are those of the LUNA16 challenge (Setio et al. 2017, doi:10.1016/j.media.2017.06.015; the metric by van
//! Ginneken et al. 2010 and Niemeijer et al. 2011). A lesion is found by the surest candidate that hits it; further candidates
//! on it count neither way, and neither do those that hit only lesions to be ignored. One candidate may find two lesions. The
//! curve begins at (0, 0) and goes on level beyond its last point: a detector that offers no more false
//! positives has no more sensitivity. A score counts as a whole: candidates of equal scores come together.

/// The overlap from which a box counts as found where nothing else is asked for; that of COCO's AP50.
pub const DEFAULT_IOU: f64 = 0.5;

mod curve;
mod error;
mod from_coco;
mod report;
mod scan;

pub use curve::FrocCurve;
pub use error::FrocError;
pub use from_coco::{coco_froc_report, froc_scans};
pub use report::{FrocOptions, FrocReport, froc_report};
pub use scan::{
    BallLesion, BoxCandidate, BoxLesion, CentreRule, FrocScan, HitRule, PointCandidate,
};
