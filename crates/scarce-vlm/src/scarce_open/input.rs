//! From a volume in whatever units to what the network sees: one spacing, one scale of grey.

use ndarray::{Array2, Axis};
use scarce_image::glam::{DAffine3, DVec3};
use scarce_image::{
    Geometry, GeometryError, Image, Volume, percentiles, reorient_to_ras, resample_spacing,
};

/// Millimetres between the network's pixels, along all axes.
pub const SPACING_MM: f64 = 4.0;

/// Rows and columns must be multiples of this: the network halves them four times.
pub const STRIDE: usize = 16;

/// How long the longer side of a picture is taken to be where nothing tells: a body fills it.
pub const PICTURE_MM: f64 = 384.0;

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
        return each(volume, grey_of_hu);
    }
    match percentiles(volume, BLACK_AND_WHITE, None) {
        Ok(bounds) if bounds[1] > bounds[0] => {
            let [low, high] = bounds;
            each(volume, |value| {
                ((value - low) / (high - low)).clamp(0.0, 1.0)
            })
        }
        _ => volume.map(|_| 0.0),
    }
}

/// Every voxel by itself, on as many threads as there are.
fn each(volume: &Volume<f32>, grey: impl Fn(f32) -> f32 + Sync + Send) -> Volume<f32> {
    let mut voxels = volume.voxels().clone();
    voxels.par_mapv_inplace(grey);
    Volume::new(voxels, *volume.geometry())
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

/// A picture as a volume of one slice, for the localizer: grey, hanging as on a light box (the patient's right on the
/// left). Without a spacing it is taken to be as large as a body: [`PICTURE_MM`] along its longer side.
///
/// # Errors
/// [`GeometryError`] where the picture's spacing does not serve.
pub fn picture_as_volume(picture: &Image) -> Result<Volume<f32>, GeometryError> {
    let grey = picture.pixels().mean_axis(Axis(0));
    let (_, rows, columns) = picture.pixels().dim();
    let grey = grey.unwrap_or_else(|| Array2::zeros((rows, columns)));
    let unknown = PICTURE_MM / rows.max(columns).max(1) as f64;
    let [y_mm, x_mm] = picture.spacing_mm_yx().unwrap_or([unknown; 2]);
    let world_from_voxel = DAffine3::from_scale(DVec3::new(-x_mm, -y_mm, 1.0));
    Ok(Volume::new(
        grey.insert_axis(Axis(0)),
        Geometry::new(world_from_voxel)?,
    ))
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    #[test]
    fn hounsfield_units_follow_the_tone_curve() {
        for (hu, grey) in [
            (-2048.0, 0.0),
            (-1000.0, 0.0),
            (-600.0, 0.1),
            (-200.0, 0.2),
            (75.0, 0.55),
            (250.0, 0.8),
            (725.0, 0.9),
            (3000.0, 1.0),
        ] {
            assert!((grey_of_hu(hu) - grey).abs() < 1e-6, "{hu}");
        }
    }

    /// `numpy.percentile(numpy.arange(101), [1, 99])` is `[1, 99]`.
    #[test]
    fn other_units_are_scaled_between_percentiles() {
        let ramp = Array3::from_shape_fn((1, 1, 101), |(_, _, x)| x as f32);
        let ramp = Volume::new(ramp, Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap());
        let grey = to_grey(&ramp).into_voxels();
        assert_eq!(
            (grey[[0, 0, 0]], grey[[0, 0, 50]], grey[[0, 0, 100]]),
            (0.0, 0.5, 1.0)
        );
        let flat = ramp.map(|_| 7.0);
        assert!(to_grey(&flat).voxels().iter().all(|v| *v == 0.0));
        assert!(!holds_hu(&ramp) && holds_hu(&ramp.map(|v| v - 300.0)));
    }

    #[test]
    fn pictures_hang_as_on_a_light_box() {
        let mut pixels = Array3::zeros((3, 40, 80));
        pixels[[0, 0, 0]] = 3.0;
        let volume = picture_as_volume(&Image::new(pixels, None)).unwrap();
        assert_eq!(volume.shape_zyx(), [1, 40, 80]);
        assert_eq!(volume.voxels()[[0, 0, 0]], 1.0);
        assert_eq!(volume.geometry().orientation(), "LPS");
        assert_eq!(
            volume.geometry().spacing_mm_xyz(),
            [PICTURE_MM / 80.0, PICTURE_MM / 80.0, 1.0]
        );
        let prepared = prepare(&volume, SPACING_MM).unwrap();
        assert_eq!(prepared.shape_zyx(), [1, 48, 96]);
    }
}
