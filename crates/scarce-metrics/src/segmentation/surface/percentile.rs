//! Percentiles without sorting.

/// NumPy's `percentile` with linear interpolation: rank `percent / 100 · (n − 1)`. The values change
/// their order; there is at least one.
pub(super) fn percentile(values: &mut [f64], percent: f64) -> f64 {
    let last = values.len().saturating_sub(1);
    let rank = percent / 100.0 * last as f64;
    let below = (rank.floor() as usize).min(last);
    let (_, low, higher) = values.select_nth_unstable_by(below, f64::total_cmp);
    let low = *low;
    let next = higher.iter().copied().fold(f64::INFINITY, f64::min);
    if next.is_finite() {
        low + (next - low) * (rank - below as f64)
    } else {
        low
    }
}

/// The least distance up to which at least `percent` of the area lie, not interpolated: what NumPy's
/// `searchsorted` finds in the cumulative areas. Shares within rounding of each other are equal.
pub(super) fn percentile_by_area(distances: &[f64], areas: &[f64], percent: f64) -> f64 {
    let mut pairs: Vec<(f64, f64)> = distances
        .iter()
        .copied()
        .zip(areas.iter().copied())
        .collect();
    let mut wanted = percent / 100.0 * areas.iter().sum::<f64>() * (1.0 - 1e-12);
    // Halves the part of the pairs in which it lies.
    let mut part = &mut pairs[..];
    while part.len() > 1 {
        let middle = part.len() / 2;
        part.select_nth_unstable_by(middle, |a, b| a.0.total_cmp(&b.0));
        let (near, far) = part.split_at_mut(middle);
        let area: f64 = near.iter().map(|pair| pair.1).sum();
        if wanted <= area {
            part = near;
        } else {
            wanted -= area;
            part = far;
        }
    }
    part.first().map_or(0.0, |pair| pair.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[np.percentile(v, p) for v, p in cases]`.
    #[test]
    fn interpolates_as_numpy() {
        for (values, percent, expected) in [
            (&[3.0][..], 95.0, 3.0),
            (&[1.0, 0.0], 95.0, 0.95),
            (&[5.0, 0.0, 9.0, 1.0], 0.0, 0.0),
            (&[5.0, 0.0, 9.0, 1.0], 50.0, 3.0),
            (&[9.0, 1.0, 0.0, 5.0], 95.0, 8.4),
            (&[9.0, 1.0, 0.0, 5.0], 100.0, 9.0),
            (&[2.0, 2.0, 2.0, 2.0], 95.0, 2.0),
        ] {
            let got = percentile(&mut values.to_vec(), percent);
            assert!(
                (got - expected).abs() < 1e-12,
                "{values:?} at {percent}: {got}"
            );
        }
    }

    /// ```python
    /// d, a = np.array(sorted(zip(distances, areas))).T
    /// d[min(np.searchsorted(np.cumsum(a) / a.sum(), percent / 100), len(d) - 1)]
    /// ```
    #[test]
    fn takes_the_least_distance_that_covers_the_area() {
        let distances = [2.0, 0.5, 3.0, 1.0];
        let areas = [1.0, 0.25, 2.0, 0.75];
        for (percent, expected) in [
            (0.0, 0.5),
            (6.25, 0.5),
            (6.3, 1.0),
            (25.0, 1.0),
            (49.9, 2.0),
            (50.0, 2.0),
            (50.1, 3.0),
            (95.0, 3.0),
            (100.0, 3.0),
        ] {
            let got = percentile_by_area(&distances, &areas, percent);
            assert_eq!(got, expected, "{percent}");
        }
        let equal: Vec<f64> = (0..20).map(f64::from).collect();
        assert_eq!(percentile_by_area(&equal, &[0.1; 20], 95.0), 18.0);
    }
}
