//! Several p-values at once.

/// Holm's step-down correction (Holm 1979): with the m p-values sorted, the k-th becomes
/// max over j ≤ k of min(1, (m − j + 1) p₍ⱼ₎). The result is in the order of the input; `None`s
/// stay and do not count.
pub fn holm(p_values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut defined: Vec<(usize, f64)> = p_values
        .iter()
        .enumerate()
        .filter_map(|(index, p)| p.map(|p| (index, p)))
        .collect();
    defined.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut corrected = vec![None; p_values.len()];
    let mut largest = 0.0f64;
    for (rank, (index, p)) in defined.iter().enumerate() {
        largest = largest.max((defined.len() - rank) as f64 * p).min(1.0);
        corrected[*index] = Some(largest);
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand from the definition: 4·0.005, 3·0.01, 2·0.03, 1·0.04 → 0.06 by the maximum.
    #[test]
    fn corrects_step_by_step() {
        for (p_values, expected) in [
            (&[][..], &[][..]),
            (&[Some(0.02)], &[Some(0.02)]),
            (
                &[Some(0.01), Some(0.04), Some(0.03), Some(0.005)],
                &[Some(0.03), Some(0.06), Some(0.06), Some(0.02)],
            ),
            (
                &[None, Some(0.6), Some(0.7), None],
                &[None, Some(1.0), Some(1.0), None],
            ),
            (&[Some(0.02), Some(0.02)], &[Some(0.04), Some(0.04)]),
        ] {
            let got = holm(p_values);
            assert_eq!(got.len(), expected.len());
            for (got, expected) in got.iter().zip(expected) {
                let close = match (got, expected) {
                    (Some(got), Some(expected)) => (got - expected).abs() < 1e-12,
                    (got, expected) => got == expected,
                };
                assert!(close, "{p_values:?}: {got:?}, not {expected:?}");
            }
        }
    }
}
