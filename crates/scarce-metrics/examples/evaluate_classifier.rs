//! Scores a classifier of three findings from records, as a file of predictions would hold them.
//!
//! ```text
//! cargo run -p scarce-metrics --example evaluate_classifier
//! ```
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;

use scarce_image::Seed;
use scarce_metrics::classification::{
    ClassificationRecord, ClassificationTable, ScoreKind, evaluate_classification,
};

const CLASSES: [&str; 3] = ["normal", "effusion", "pneumothorax"];

fn main() -> Result<(), Box<dyn Error>> {
    let class_names = CLASSES.map(str::to_owned).to_vec();
    let table = ClassificationTable::new(class_names, records(), ScoreKind::Probabilities)?;
    let report = evaluate_classification(&table, Seed(0));
    println!("{:?}: {:?}\n", report.class_names, report.confusion_matrix);
    for (name, figure) in &report.figures {
        let summary = &figure.summary;
        match (summary.value, summary.low.zip(summary.high)) {
            (Some(value), Some((low, high))) => {
                println!(
                    "{name}: {value:.3} [{low:.3}, {high:.3}], n = {}",
                    summary.n
                );
            }
            (Some(value), None) => println!("{name}: {value:.3}, n = {}", summary.n),
            (None, _) => {
                let why = figure.undefined.map(|reason| reason.to_string());
                println!("{name}: undefined, {}", why.unwrap_or_default());
            }
        }
        for warning in &figure.warnings {
            println!("  {warning}");
        }
        println!("  {}", report.definition[name]);
    }
    Ok(())
}

/// Forty-five cases, more normal ones than others, a classifier that is mostly right.
fn records() -> Vec<ClassificationRecord> {
    (0..45u32)
        .map(|k| {
            let class = [0, 0, 0, 1, 0, 2, 1, 0, 0][k as usize % 9];
            let weight = |c: usize| {
                let noise = f64::from(k * (c as u32 + 1)).sin();
                (noise + if c == class { 1.5 } else { 0.0 }).exp()
            };
            let weights = [0, 1, 2].map(weight);
            let sum: f64 = weights.iter().sum();
            ClassificationRecord {
                id: format!("patient-{k:02}"),
                reference: CLASSES[class].to_owned(),
                predicted: None,
                scores: Some(weights.iter().map(|w| w / sum).collect()),
            }
        })
        .collect()
}
