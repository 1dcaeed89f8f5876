//! Classification figures against scikit-learn's, what is undefined, what is refused, intervals.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod goldens;
mod intervals;
mod properties;
mod refused;
mod undefined;

use scarce_metrics::classification::{ClassificationRecord, ClassificationTable, ScoreKind};

fn record(
    id: usize,
    reference: &str,
    predicted: Option<&str>,
    scores: Option<Vec<f64>>,
) -> ClassificationRecord {
    ClassificationRecord {
        id: format!("case-{id:03}"),
        reference: reference.to_owned(),
        predicted: predicted.map(str::to_owned),
        scores,
    }
}

fn names(of: &[&str]) -> Vec<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}

/// Sixty cases of two classes, with ties:
/// ```python
/// i = np.arange(60)
/// y = (np.sin((i * i).astype(float)) > 0.2).astype(int)
/// p = np.round(1 / (1 + np.exp(-(np.sin(3.0 * i) + 0.8 * y))) * 100) / 100
/// ```
fn two_classes() -> ClassificationTable {
    let records = (0..60usize)
        .map(|i| {
            let positive = ((i * i) as f64).sin() > 0.2;
            let logit = (3.0 * i as f64).sin() + if positive { 0.8 } else { 0.0 };
            let p = (100.0 / (1.0 + (-logit).exp())).round() / 100.0;
            record(
                i,
                if positive { "lesion" } else { "none" },
                None,
                Some(vec![p]),
            )
        })
        .collect();
    ClassificationTable::new(
        names(&["none", "lesion"]),
        records,
        ScoreKind::Probabilities,
    )
    .unwrap()
}

/// Sixty cases of four classes:
/// ```python
/// i = np.arange(60); k = np.arange(4)
/// y = (i * i + i // 3) % 4
/// e = np.exp(1.5 * np.sin(i[:, None] * (k + 1) * 0.7 + k) + 0.9 * (y[:, None] == k))
/// p = e / e.sum(1, keepdims=True)
/// ```
fn four_classes() -> ClassificationTable {
    let classes = ["a", "b", "c", "d"];
    let records = (0..60usize)
        .map(|i| {
            let class = (i * i + i / 3) % 4;
            let e: Vec<f64> = (0..4usize)
                .map(|k| {
                    let wave = ((i * (k + 1)) as f64 * 0.7 + k as f64).sin();
                    (1.5 * wave + if k == class { 0.9 } else { 0.0 }).exp()
                })
                .collect();
            let sum: f64 = e.iter().sum();
            record(
                i,
                classes[class],
                None,
                Some(e.iter().map(|e| e / sum).collect()),
            )
        })
        .collect();
    ClassificationTable::new(names(&classes), records, ScoreKind::Probabilities).unwrap()
}
