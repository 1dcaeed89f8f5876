//! A small chest: a body with two dark lungs and a bright heart, labelled and named.

use std::fs;
use std::path::Path;

use ndarray::Array3;
use scarce::image::glam::DVec3;
use scarce::image::{Geometry, LabelMap, Volume};

const SHAPE: (usize, usize, usize) = (40, 40, 40);

fn label(at: (usize, usize, usize), heart_x: f64) -> u16 {
    let [z, y, x] = [at.0, at.1, at.2].map(|v| v as f64);
    let inside = |centre: [f64; 3], radii: [f64; 3]| {
        let d = [z - centre[0], y - centre[1], x - centre[2]];
        (0..3).map(|a| (d[a] / radii[a]).powi(2)).sum::<f64>() < 1.0
    };
    if inside([18.0, 22.0, heart_x], [7.0, 7.0, 7.0]) {
        51
    } else if inside([20.0, 20.0, 9.0], [14.0, 10.0, 6.0]) {
        10
    } else if inside([20.0, 20.0, 31.0], [14.0, 10.0, 6.0]) {
        12
    } else {
        0
    }
}

/// Writes `<name>.nii.gz`, `<name>.labels.nii.gz` and `names.csv`. The axes run left, posterior,
/// superior, so that every stage has to mind the geometry.
pub fn write(folder: &Path, name: &str, heart_x: f64) {
    let labels = Array3::from_shape_fn(SHAPE, |at| label(at, heart_x));
    let image = Array3::from_shape_fn(SHAPE, |(z, y, x)| {
        let noise = ((z * 31 + y * 17 + x * 7) % 13) as f32 * 4.0;
        noise
            + match labels[[z, y, x]] {
                51 => 250.0,
                0 => 20.0,
                _ => -700.0,
            }
    });
    let flips = Geometry::new(scarce::image::glam::DAffine3 {
        matrix3: scarce::image::glam::DMat3::from_diagonal(DVec3::new(-4.0, -4.0, 4.0)),
        translation: DVec3::new(80.0, 70.0, -60.0),
    })
    .unwrap();
    let path = |ending: &str| folder.join(format!("{name}{ending}"));
    scarce::io::write_volume(&path(".nii.gz"), &Volume::new(image, flips)).unwrap();
    scarce::io::write_label_map(&path(".labels.nii.gz"), &LabelMap::new(labels, flips)).unwrap();
    let names = "id,structure\n10,lung_upper_lobe_left\n12,lung_upper_lobe_right\n51,heart\n";
    fs::write(folder.join("names.csv"), names).unwrap();
}
