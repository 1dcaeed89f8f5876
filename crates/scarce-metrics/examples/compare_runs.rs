//! Compares three runs over the same twenty cases, one of which one run has no figure for.
//!
//! ```text
//! cargo run -p scarce-metrics --example compare_runs
//! ```
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::collections::BTreeMap;
use std::error::Error;

use scarce_image::Seed;
use scarce_metrics::statistics::{RunFigures, compare};

fn main() -> Result<(), Box<dyn Error>> {
    let runs = [
        run("baseline", 0.0),
        run("with-coral", 0.012),
        run("again", 0.001),
    ];
    let comparison = compare(&runs, Seed(0))?;
    let shown = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |v| format!("{v:.4}"));
    for d in &comparison.differences {
        println!(
            "{}, {} minus {}: {}",
            d.metric,
            d.run_b,
            d.run_a,
            shown(d.mean_difference)
        );
        println!("  95 % interval [{}, {}]", shown(d.low), shown(d.high));
        println!(
            "  p by bootstrap {} (Holm {}), by Wilcoxon {} (Holm {})",
            shown(d.bootstrap_p),
            shown(d.bootstrap_p_holm),
            shown(d.wilcoxon_p),
            shown(d.wilcoxon_p_holm)
        );
        println!("  {} cases, {} left out", d.n, d.n_undefined);
        for warning in &d.warnings {
            println!("  {warning}");
        }
    }
    println!();
    for (column, text) in &comparison.definition {
        println!("{column}: {text}");
    }
    Ok(())
}

fn run(name: &str, better_by: f64) -> RunFigures {
    let case = |k: u32| {
        let (x, y) = (f64::from(k), f64::from(k * k) + 100.0 * better_by);
        let dice = 0.88 + 0.05 * (2.0 * x).sin() + better_by + 0.01 * y.cos();
        // The third case was missed by the baseline: it has no distance.
        let hd95_mm = (better_by > 0.0 || k != 3).then_some(60.0 * (1.0 - dice));
        let figures = [("dice", Some(dice)), ("hd95", hd95_mm)];
        let figures: BTreeMap<_, _> = figures.map(|(name, v)| (name.to_owned(), v)).into();
        (format!("case-{k:02}"), figures)
    };
    RunFigures {
        name: name.to_owned(),
        cases: (0..20).map(case).collect(),
    }
}
