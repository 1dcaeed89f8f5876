//! The threshold of two clusters.

use rayon::prelude::*;

/// Heat is counted in so many steps.
const STEPS: usize = 256;

/// Values that one thread counts at once.
const PIECE: usize = 1 << 18;

/// The threshold between the two clusters of `heat` (0 to 1) with the least sum of squared distances to their means.
///
/// In one dimension the best two means are parted by a threshold, so trying each finds what k-means with k = 2 looks for from
/// random starts; it is Otsu's threshold too. Heat is rounded to 1/255, as the released tools store it. Of equal thresholds
/// the lowest; where all heat is alike, that heat: nothing is above it.
pub fn two_means_threshold(heat: &[f32]) -> f32 {
    let counted = |mut counts: [u64; STEPS], piece: &[f32]| {
        for value in piece {
            // NaN counts as 0.
            counts[(value.clamp(0.0, 1.0) * 255.0 + 0.5) as usize] += 1;
        }
        counts
    };
    let joined = |mut a: [u64; STEPS], b: [u64; STEPS]| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    let counts = heat
        .par_chunks(PIECE)
        .fold(|| [0; STEPS], counted)
        .reduce(|| [0; STEPS], joined);
    let n: u64 = counts.iter().sum();
    let total: u64 = (0_u64..)
        .zip(counts)
        .map(|(step, count)| step * count)
        .sum();
    let highest = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
    let mut best = (0.0_f64, highest);
    let (mut n_low, mut sum_low) = (0_u64, 0_u64);
    for (step, count) in counts.iter().enumerate().take(highest) {
        n_low += count;
        sum_low += step as u64 * count;
        if n_low == 0 {
            continue;
        }
        let n_high = (n - n_low) as f64;
        let distance = (total - sum_low) as f64 / n_high - sum_low as f64 / n_low as f64;
        // What two means explain of the spread; the least remainder is where this is largest.
        let explained = n_low as f64 * n_high * distance * distance;
        if explained > best.0 * (1.0 + 1e-12) {
            best = (explained, step);
        }
    }
    // Half a step up: values that round to the step are not above.
    ((best.1 as f32 + 0.5) / 255.0).min(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The sum of squared distances to the two means, of values as they are counted.
    fn spread(values: &[f32], threshold: f32) -> f64 {
        let part = |is_high: bool| {
            let part: Vec<f64> = (values.iter())
                .filter(|v| (**v > threshold) == is_high)
                .map(|v| f64::from((v * 255.0).round()))
                .collect();
            let mean = part.iter().sum::<f64>() / part.len().max(1) as f64;
            part.iter().map(|v| (v - mean).powi(2)).sum::<f64>()
        };
        part(false) + part(true)
    }

    proptest! {
        #[test]
        fn no_other_threshold_is_better(values in prop::collection::vec(0_u8..=255, 2..60)) {
            let values: Vec<f32> = values.into_iter().map(|v| f32::from(v) / 255.0).collect();
            let found = spread(&values, two_means_threshold(&values));
            for step in 0_u8..=255 {
                let other = spread(&values, (f32::from(step) + 0.5) / 255.0);
                prop_assert!(found <= other + 1e-6, "{found} {other} at {step}");
            }
        }
    }

    #[test]
    fn parts_two_clusters_and_nothing_from_one() {
        let check = |values: &[f32], inside: usize| {
            let threshold = two_means_threshold(values);
            let above = values.iter().filter(|v| **v > threshold).count();
            assert_eq!(above, inside, "{values:?} at {threshold}");
        };
        check(&[0.1, 0.12, 0.11, 0.8, 0.82], 2);
        check(&[0.0, 0.0, 0.0, 1.0], 1);
        check(&[0.4; 5], 0);
        check(&[1.0; 3], 0);
        check(&[], 0);
        check(&[f32::NAN, 0.9], 1);
    }
}
