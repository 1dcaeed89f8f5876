//! How often a 95 % interval of a mean holds the true mean, for skewed figures of few cases.
//!
//! ```text
//! cargo run --release -p scarce-metrics --example interval_coverage [REPEATS]
//! ```
//!
//! Draws cases of a known law, makes the intervals, counts. Prints a row for each law and number of
//! cases: the share of intervals that hold the mean, and their mean width.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;

use rand::Rng as _;
use rayon::prelude::*;
use scarce_image::{Seed, StreamKey};
use scarce_metrics::bca_interval;
use scarce_metrics::statistics::{percentile_interval, t_interval};

/// A law of per-case Dice, and its mean.
struct Law {
    name: &'static str,
    mean: f64,
    /// Of three uniform numbers.
    draw: fn([f64; 3]) -> f64,
}

const LAWS: [Law; 2] = [
    Law {
        name: "Beta(9, 1)",
        mean: 0.9,
        // The distribution function of Beta(9, 1) is x⁹.
        draw: |[u, _, _]| u.powf(1.0 / 9.0),
    },
    // One case in ten is a failure anywhere between 0 and 0.9.
    Law {
        name: "nine in ten Beta(19, 1), one U(0, 0.9)",
        mean: 0.9 * 0.95 + 0.1 * 0.45,
        draw: |[u, v, w]| if w < 0.9 { u.powf(1.0 / 19.0) } else { 0.9 * v },
    },
];

/// An interval of the mean of values.
type Interval = fn(&[f64], Seed) -> Option<(f64, f64)>;

const INTERVALS: [Interval; 3] = [
    |values, _| t_interval(values),
    |values, seed| percentile_interval(values, seed, "coverage"),
    |values, seed| bca_interval(values, seed, "coverage"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let repeats: u64 = std::env::args().nth(1).map_or(Ok(10_000), |n| n.parse())?;
    println!("| law of the cases | n | `t_interval` | `percentile_interval` | `bca_interval` |");
    println!("| --- | --- | --- | --- | --- |");
    for law in &LAWS {
        for n in [10, 20, 50, 100] {
            let cells = INTERVALS.map(|interval| {
                let (held, width) = coverage(law, n, repeats, interval);
                format!("{:.1} % ({width:.3})", 100.0 * held)
            });
            println!("| {} | {n} | {} |", law.name, cells.join(" | "));
        }
    }
    Ok(())
}

/// The share of intervals that hold the law's mean, and their mean width.
fn coverage(law: &Law, n: usize, repeats: u64, interval: Interval) -> (f64, f64) {
    let intervals: Vec<(f64, f64)> = (0..repeats)
        .into_par_iter()
        .filter_map(|repeat| {
            let mut rng = Seed(1).stream(StreamKey {
                epoch: repeat,
                sample_id: law.name,
                purpose: "cases",
            });
            let values: Vec<f64> = (0..n).map(|_| (law.draw)(rng.random())).collect();
            interval(&values, Seed(repeat))
        })
        .collect();
    let holds = |(low, high): &&(f64, f64)| (*low..=*high).contains(&law.mean);
    let held = intervals.iter().filter(holds).count() as f64;
    let width: f64 = intervals.iter().map(|(low, high)| high - low).sum();
    (held / repeats as f64, width / repeats as f64)
}
