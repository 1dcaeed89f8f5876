//! Figures of pairs of masks in `.npy` files and the seconds they took: for
//! `benches/peers/metrics/surfaces.py`, which has others compute the same.
//!
//! Each line of standard input asks for one pair, each line of standard output answers:
//!
//! ```text
//! {"prediction": "p.npy", "reference": "r.npy", "spacing_mm_zyx": [2, 1, 1], "convention": "area", "metrics": ["hd95", "nsd_1mm"]}
//! {"figures": {"hd95": 1.5, "nsd_1mm": 0.9}, "seconds": 0.01}
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead as _, stdin};
use std::path::{Path, PathBuf};
use std::time::Instant;

use ndarray::{Array3, ArrayD, Ix3};
use ndarray_npy::read_npy;
use scarce_image::{Geometry, Mask};
use scarce_metrics::{
    BoundaryWidth, Convention, EmptyPolicy, Metric, SegmentationOptions, Unit, evaluate_masks,
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Question {
    prediction: PathBuf,
    reference: PathBuf,
    /// Of two numbers for a slice.
    spacing_mm_zyx: Vec<f64>,
    #[serde(default)]
    convention: Convention,
    #[serde(default)]
    empty: EmptyPolicy,
    #[serde(default)]
    boundary: BoundaryWidth,
    metrics: Vec<String>,
}

#[derive(Serialize)]
struct Answer {
    figures: BTreeMap<String, Option<f64>>,
    seconds: f64,
}

#[expect(clippy::print_stdout, reason = "the answers are what it is run for")]
fn main() -> Result<(), Box<dyn Error>> {
    for line in stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line?)?;
        let answer = answer(&question)?;
        println!("{}", serde_json::to_string(&answer)?);
    }
    Ok(())
}

fn answer(question: &Question) -> Result<Answer, Box<dyn Error>> {
    let options = SegmentationOptions::default()
        .with_convention(question.convention)
        .with_empty(question.empty)
        .with_boundary(question.boundary)
        .with_unit(Unit::Mm);
    let mut wanted = Vec::new();
    for name in &question.metrics {
        wanted.extend(Metric::named(name, &options)?);
    }
    let spacing = &question.spacing_mm_zyx;
    let prediction = mask(&question.prediction, spacing)?;
    let reference = mask(&question.reference, spacing)?;
    let start = Instant::now();
    let figures = evaluate_masks(&prediction, &reference, &options, &wanted)?;
    let seconds = start.elapsed().as_secs_f64();
    let figures = figures.into_iter().map(|(name, found)| (name, found.value));
    Ok(Answer {
        figures: figures.collect(),
        seconds,
    })
}

/// A mask from a boolean array `(z, y, x)` or `(y, x)`.
fn mask(path: &Path, spacing_mm: &[f64]) -> Result<Mask, Box<dyn Error>> {
    let mut array: ArrayD<bool> = read_npy(path)?;
    let mut spacing_mm_xyz: Vec<f64> = spacing_mm.iter().rev().copied().collect();
    if array.ndim() == 2 {
        array.insert_axis_inplace(ndarray::Axis(0));
        spacing_mm_xyz.push(1.0);
    }
    let voxels: Array3<bool> = array.into_dimensionality::<Ix3>()?;
    let spacing_mm_xyz = <[f64; 3]>::try_from(spacing_mm_xyz)
        .map_err(|got| format!("{}: spacing of {} axes", path.display(), got.len()))?;
    let geometry = Geometry::from_spacing_mm_xyz(spacing_mm_xyz)?;
    Ok(Mask::new(voxels, geometry))
}
