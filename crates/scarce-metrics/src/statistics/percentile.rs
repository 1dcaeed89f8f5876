//! Percentiles as NumPy takes them.

/// NumPy's `percentile` with linear interpolation, of sorted values: rank `percent / 100 · (n − 1)`.
/// 0 below no value at all, which no caller asks for.
pub(crate) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let rank = percent / 100.0 * last as f64;
    let (low, high) = (rank.floor() as usize, (rank.ceil() as usize).min(last));
    sorted[low] + (sorted[high] - sorted[low]) * (rank - low as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[np.percentile(v, p) for v, p in cases]`.
    #[test]
    fn interpolates_as_numpy() {
        for (sorted, percent, expected) in [
            (&[3.0][..], 95.0, 3.0),
            (&[0.0, 1.0], 95.0, 0.95),
            (&[0.0, 1.0, 5.0, 9.0], 0.0, 0.0),
            (&[0.0, 1.0, 5.0, 9.0], 50.0, 3.0),
            (&[0.0, 1.0, 5.0, 9.0], 95.0, 8.4),
            (&[0.0, 1.0, 5.0, 9.0], 100.0, 9.0),
        ] {
            let got = percentile(sorted, percent);
            assert!(
                (got - expected).abs() < 1e-12,
                "{sorted:?} at {percent}: {got}"
            );
        }
    }
}
