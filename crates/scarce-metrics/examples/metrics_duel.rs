//! Figures of pairs of masks in `.npy` files and the seconds they took: for
//! `benches/peers/metrics/surfaces.py`, which has others compute the same.
//!
//! Each line of standard input asks for one pair, each line of standard output answers. A file is read once.
//!
//! ```text
//! {"prediction": "p.npy", "reference": "r.npy", "spacing_mm_zyx": [2, 1, 1], "convention": "area", "metrics": ["hd95", "nsd_1mm"]}
//! {"figures": {"hd95": 1.5, "nsd_1mm": 0.9}, "seconds": 0.01}
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead as _, stdin};
use std::path::{Path, PathBuf};
use std::rc::Rc;
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

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    // As one of the pool's threads, which need not be woken for a question that takes a millisecond.
    rayon::scope(|_| answer_all())
}

#[expect(clippy::print_stdout, reason = "the answers are what it is run for")]
fn answer_all() -> Result<(), Failure> {
    let mut masks = Masks::default();
    for line in stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line?)?;
        let answer = answer(&question, &mut masks)?;
        println!("{}", serde_json::to_string(&answer)?);
    }
    Ok(())
}

fn answer(question: &Question, masks: &mut Masks) -> Result<Answer, Failure> {
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
    let prediction = read(masks, &question.prediction, spacing)?;
    let reference = read(masks, &question.reference, spacing)?;
    let start = Instant::now();
    let figures = evaluate_masks(&prediction, &reference, &options, &wanted)?;
    let seconds = start.elapsed().as_secs_f64();
    let figures = figures.into_iter().map(|(name, found)| (name, found.value));
    Ok(Answer {
        figures: figures.collect(),
        seconds,
    })
}

/// Those read so far, by file and spacing.
type Masks = BTreeMap<(PathBuf, String), Rc<Mask>>;

/// A mask from a boolean array `(z, y, x)` or `(y, x)`.
fn read(masks: &mut Masks, path: &Path, spacing_mm: &[f64]) -> Result<Rc<Mask>, Failure> {
    let key = (path.to_owned(), format!("{spacing_mm:?}"));
    if let Some(mask) = masks.get(&key) {
        return Ok(Rc::clone(mask));
    }
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
    let mask = Rc::new(Mask::new(voxels, geometry));
    masks.insert(key, Rc::clone(&mask));
    Ok(mask)
}
