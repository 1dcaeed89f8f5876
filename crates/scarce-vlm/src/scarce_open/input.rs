//! From a volume in whatever units to what the network sees: one spacing, one scale of grey.

use scarce_image::{GeometryError, Volume, percentiles, reorient_to_ras, resample_spacing};

/// Millimetres between the network's pixels, along all axes.
pub const SPACING_MM: f64 = 4.0;

/// Rows and columns must be multiples of this: the network halves them four times.
pub const STRIDE: usize = 16;

/// A volume with a voxel below this holds Hounsfield units: no other scale goes so far below 0.
const HU_BELOW: f32 = -200.0;

/// Hounsfield units and the grey they become; straight lines between. Soft tissue, where most organs differ
/// by little, gets half of the scale.
const TONE_CURVE: [(f32, f32); 5] = [
    (-1000.0, 0.0),
    (-200.0, 0.2),
    (-100.0, 0.3),
    (250.0, 0.8),
    (1200.0, 1.0),
];

/// Percentages of voxels that become black and white where there are no Hounsfield units.
const BLACK_AND_WHITE: [f64; 2] = [1.0, 99.0];

/// The grey of a Hounsfield unit, 0 to 1.
pub fn grey_of_hu(hu: f32) -> f32 {
    let after = TONE_CURVE.iter().position(|(knot, _)| hu < *knot);
    match after {
        None => TONE_CURVE[TONE_CURVE.len() - 1].1,
        Some(0) => TONE_CURVE[0].1,
        Some(k) => {
            let ((x0, y0), (x1, y1)) = (TONE_CURVE[k - 1], TONE_CURVE[k]);
            y0 + (y1 - y0) * (hu - x0) / (x1 - x0)
        }
    }
}

/// Whether the voxels are Hounsfield units, as far as their range tells.
pub fn holds_hu(volume: &Volume<f32>) -> bool {
    volume.voxels().iter().any(|value| *value < HU_BELOW)
}

/// The volume in grey, 0 to 1: by a fixed tone curve where it holds Hounsfield units, else between its 1st and 99th
/// percentile. A volume of one value becomes black.
pub fn to_grey(volume: &Volume<f32>) -> Volume<f32> {
    if holds_hu(volume) {
        return volume.map(|hu| grey_of_hu(*hu));
    }
    match percentiles(volume, BLACK_AND_WHITE, None) {
        Ok(bounds) if bounds[1] > bounds[0] => {
            let [low, high] = bounds;
            volume.map(|value| ((value - low) / (high - low)).clamp(0.0, 1.0))
        }
        _ => volume.map(|_| 0.0),
    }
}

/// The volume in RAS, in grey, at `spacing_mm` along all axes; a single slice keeps its z.
///
/// # Errors
/// [`GeometryError`] where the spacing does not serve.
pub fn prepare(volume: &Volume<f32>, spacing_mm: f64) -> Result<Volume<f32>, GeometryError> {
    let volume = reorient_to_ras(&to_grey(volume));
    let [nz, _, _] = volume.shape_zyx();
    let [_, _, z_mm] = volume.geometry().spacing_mm_xyz();
    let z_mm = if nz == 1 { z_mm } else { spacing_mm };
    resample_spacing(&volume, [spacing_mm, spacing_mm, z_mm])
}
