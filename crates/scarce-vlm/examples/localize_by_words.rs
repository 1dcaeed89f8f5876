//! Finds structures of a label map by words.
//!
//! ```text
//! cargo xtask setup
//! cargo run -p scarce-vlm --example localize_by_words -- "the organ that pumps blood"
//! ```
//!
//! The label map is made here, to keep the example whole; a real one comes from `scarce-io`, its names
//! from the table beside it.

use std::{collections::BTreeMap, error::Error, path::Path};

use ndarray::Array3;
use scarce_image::{Geometry, LabelMap, Volume};
use scarce_vlm::{
    Localizer,
    label_map::{LabelMapLocalizer, LabelMapOptions},
    text::TextEncoder,
};

#[allow(clippy::print_stdout)] // The example's answer.
fn main() -> Result<(), Box<dyn Error>> {
    let prompt = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "both kidneys".to_owned());

    let names = BTreeMap::from([
        (1, "heart".to_owned()),
        (2, "kidney_left".to_owned()),
        (3, "kidney_right".to_owned()),
        (4, "trachea".to_owned()),
    ]);
    let labels = four_cubes()?;
    // The image must lie on the label map's grid; this localizer does not look at its intensities.
    let image = labels.map(|_| 0.0_f32);

    let folder = Path::new("target/models/minilm");
    let encoder = TextEncoder::load(&folder.join("model.onnx"), &folder.join("tokenizer.json"))?;
    let mut localizer = LabelMapLocalizer::new(encoder, labels, names, LabelMapOptions::default())?;

    let region = localizer.localize(&image, &prompt)?;
    println!("{}", serde_json::to_string_pretty(&region.localization())?);
    println!("{} voxels inside", region.voxel_count());
    Ok(())
}

/// Labels 1 to 4, a cube of 4×4×4 voxels each, in a row along x.
fn four_cubes() -> Result<LabelMap, Box<dyn Error>> {
    let label_at = |(z, y, x): (usize, usize, usize)| {
        let inside = (2..6).contains(&z) && (2..6).contains(&y) && x % 6 >= 2;
        if inside { x as u16 / 6 + 1 } else { 0 }
    };
    let geometry = Geometry::from_spacing_mm_xyz([1.5, 1.5, 3.0])?;
    Ok(Volume::new(
        Array3::from_shape_fn((8, 8, 24), label_at),
        geometry,
    ))
}
