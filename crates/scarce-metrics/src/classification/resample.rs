//! Resamples of cases that keep the size of each class.

use rand::Rng as _;
use rayon::prelude::*;
use scarce_image::{Seed, StreamKey};

use super::figure::Figure;
use super::prepared::{Prepared, Sample};
use crate::statistics::RESAMPLES;

/// The values of figures over [`RESAMPLES`] resamples: `[figure][resample]`, none where undefined.
/// Each resample has a random stream of its own, so threads make no difference.
pub(super) fn stratified(
    prepared: &Prepared<'_>,
    figures: &[Figure],
    seed: Seed,
) -> Vec<Vec<Option<f64>>> {
    if figures.is_empty() {
        return Vec::new();
    }
    let strata = strata(prepared);
    let of_resample = |resample: usize| -> Vec<Option<f64>> {
        let mut rng = seed.stream(StreamKey {
            epoch: resample as u64,
            sample_id: "",
            purpose: "stratified-cases",
        });
        let mut times = vec![0u32; prepared.table.case_ids().len()];
        for cases in &strata {
            for _ in cases {
                times[cases[rng.random_range(0..cases.len() as u64) as usize]] += 1;
            }
        }
        let sample = Sample::new(prepared, times);
        figures.iter().map(|f| f.value(&sample).ok()).collect()
    };
    let resamples: Vec<Vec<Option<f64>>> =
        (0..RESAMPLES).into_par_iter().map(of_resample).collect();
    (0..figures.len())
        .map(|figure| resamples.iter().map(|values| values[figure]).collect())
        .collect()
}

/// The cases of each class.
fn strata(prepared: &Prepared<'_>) -> Vec<Vec<usize>> {
    let mut strata = vec![Vec::new(); prepared.table.class_names().len()];
    for (case, class) in prepared.table.reference().iter().enumerate() {
        strata[*class].push(case);
    }
    strata
}
