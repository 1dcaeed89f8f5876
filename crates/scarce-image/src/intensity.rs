//! Intensities on another scale.

use crate::Volume;

/// Intensities from `low` to `high` brought to 0 to 1, clipped beyond. For CT in HU.
pub fn window(volume: &Volume<f32>, low: f32, high: f32) -> Volume<f32> {
    let width = (high - low).max(f32::MIN_POSITIVE);
    volume.map(|v| ((v - low) / width).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::Geometry;

    #[test]
    fn clips_beyond_the_window() {
        let voxels = Array3::from_shape_vec((1, 1, 4), vec![-300.0, -100.0, 50.0, 900.0]).unwrap();
        let v = Volume::new(voxels, Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap());
        let got: Vec<f32> = window(&v, -100.0, 200.0).voxels().iter().copied().collect();
        assert_eq!(got, [0.0, 0.0, 0.5, 1.0]);
    }
}
