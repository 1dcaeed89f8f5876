//! Scores three predictions, one of them empty, and shows what each policy makes of it.
//!
//! ```text
//! cargo run -p scarce-metrics --example score_cases
//! ```
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;

use ndarray::Array3;
use scarce_image::{Geometry, Mask, Seed};
use scarce_metrics::report::EvaluationReport;
use scarce_metrics::{EmptyPolicy, SegmentationOptions, evaluate_case};

fn main() -> Result<(), Box<dyn Error>> {
    let reference = ball(8.0, 12.0)?;
    let predictions = [
        ("good", ball(8.0, 12.0)?),
        ("shifted", ball(8.0, 14.0)?),
        ("missed", ball(0.0, 12.0)?),
    ];
    for empty in [EmptyPolicy::Undefined, EmptyPolicy::WorstCase] {
        let options = SegmentationOptions::default().with_empty(empty);
        let mut cases = Vec::new();
        for (id, prediction) in &predictions {
            let figures = evaluate_case(prediction, &reference, &options)?;
            cases.push(((*id).to_owned(), figures));
        }
        let report = EvaluationReport::from_cases(cases, &options, Seed(0));
        println!("{}", report.to_csv());
        for name in ["dice", "hd95"] {
            println!("{name}: {:?}", report.mean[name]);
            println!("  {}\n", report.definition[name]);
        }
    }
    Ok(())
}

/// A ball in 24³ voxels of 1 × 1 × 2 mm, centred at `x`; empty at radius 0.
fn ball(radius: f64, x: f64) -> Result<Mask, Box<dyn Error>> {
    let geometry = Geometry::from_spacing_mm_xyz([1.0, 1.0, 2.0])?;
    let inside = |(k, j, i): (usize, usize, usize)| {
        let [dz, dy, dx] = [k as f64 - 12.0, j as f64 - 12.0, i as f64 - x];
        dz * dz + dy * dy + dx * dx < radius * radius
    };
    Ok(Mask::new(
        Array3::from_shape_fn((24, 24, 24), inside),
        geometry,
    ))
}
