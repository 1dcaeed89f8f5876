//! Images with what is known and what was found drawn on them.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use ndarray::{Array2, Axis};
use scarce_detect::finetune::Found;
use scarce_report::Picture;

use crate::finetune::data::{read_in_unit, stem};

/// The score from which an object is drawn.
const DRAWN_FROM: f64 = 0.5;

/// The image as `<name>.png`, outlines of what is known and of what was found on it.
pub fn draw(
    folder: &Path,
    image: &Path,
    known: &[&Array2<bool>],
    found: &[Found],
) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let pixels = read_in_unit(image)?;
    let grey = pixels
        .mean_axis(Axis(0))
        .context("an image without a channel")?;
    let mut picture = Picture::grey(grey.view());
    for mask in known {
        picture = picture.with_mask_outline(mask.view(), Picture::REFERENCE);
    }
    for object in found.iter().filter(|object| object.score >= DRAWN_FROM) {
        let boxed = boxed(object.xyxy, grey.dim());
        let mask = object.mask.as_ref().unwrap_or(&boxed);
        picture = picture.with_mask_outline(mask.view(), Picture::PREDICTION);
    }
    let path = folder.join(format!("{}.png", stem(image)));
    fs::write(&path, picture.to_png()?).with_context(|| format!("cannot write {}", path.display()))
}

fn boxed([x1, y1, x2, y2]: [f64; 4], size_yx: (usize, usize)) -> Array2<bool> {
    Array2::from_shape_fn(size_yx, |(y, x)| {
        (y1..y2).contains(&(y as f64 + 0.5)) && (x1..x2).contains(&(x as f64 + 0.5))
    })
}
