//! From stored numbers to those of the modality.

use super::frames::Rescale;
use super::header::ImageHeader;
use crate::provenance::Warnings;

/// Inverts MONOCHROME1, so that more is brighter, and applies the rescale.
pub(super) fn finish(
    values: &mut [f32],
    header: &ImageHeader,
    rescale: Rescale,
    warnings: &mut Warnings,
) {
    if header.photometric == "MONOCHROME1" {
        let bits = header.bits_stored as i32;
        let range = if header.signed {
            -1.0
        } else {
            2f32.powi(bits) - 1.0
        };
        for value in values.iter_mut() {
            *value = range - *value;
        }
        warnings.add("inverted", "MONOCHROME1 was inverted: more is brighter");
    }
    let Rescale { slope, intercept } = rescale;
    if slope != 1.0 || intercept != 0.0 {
        for value in values {
            *value = (slope * f64::from(*value) + intercept) as f32;
        }
    }
}
