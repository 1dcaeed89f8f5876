//! Heat that does not flicker from slice to slice.

use ndarray::{Array3, ArrayView3, Axis};

/// Beyond so many standard deviations the Gaussian is cut off: SciPy's own default.
const REACH: f64 = 4.0;

/// `heat` `(slice, y, x)` under a Gaussian along its slices; beyond the ends the last slices are repeated
/// (`scipy.ndimage.gaussian_filter1d(heat, sigma, axis=0, mode="nearest")`).
pub(super) fn along_slices(heat: ArrayView3<'_, f32>, sigma_slices: f64) -> Array3<f32> {
    let weights = weights(sigma_slices);
    let reach = weights.len() / 2;
    let last = heat.len_of(Axis(0)).saturating_sub(1);
    let mut smooth = Array3::zeros(heat.raw_dim());
    for (z, mut slice) in smooth.axis_iter_mut(Axis(0)).enumerate() {
        for (step, weight) in weights.iter().enumerate() {
            let from = (z + step).saturating_sub(reach).min(last);
            slice.scaled_add(*weight, &heat.index_axis(Axis(0), from));
        }
    }
    smooth
}

fn weights(sigma: f64) -> Vec<f32> {
    let reach = (REACH * sigma + 0.5) as i64;
    let weights: Vec<f64> = (-reach..=reach)
        .map(|at| (-0.5 * (at as f64 / sigma).powi(2)).exp())
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|w| (w / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// heat = np.array([0, 0, 1, 0, 0.5, 0.25])
    /// scipy.ndimage.gaussian_filter1d(heat, sigma, mode="nearest")
    /// ```
    #[test]
    fn smooths_as_scipy() {
        let column = [0.0_f32, 0.0, 1.0, 0.0, 0.5, 0.25];
        let heat = Array3::from_shape_fn((6, 2, 1), |(z, _, _)| column[z]);
        let check = |sigma: f64, expected: [f32; 6]| {
            let found = along_slices(heat.view(), sigma);
            for (z, expected) in expected.into_iter().enumerate() {
                let found = found[[z, 1, 0]];
                assert!((found - expected).abs() < 1e-6, "{sigma} {z}: {found}");
            }
        };
        check(
            0.4,
            [
                3.4e-06, 0.0403876, 0.9192196, 0.0605823, 0.4697101, 0.260096,
            ],
        );
        check(
            1.0,
            [
                0.054058, 0.2442208, 0.4270805, 0.3775964, 0.3285949, 0.3002855,
            ],
        );
        check(
            3.0,
            [
                0.1502948, 0.1962688, 0.2365334, 0.2656244, 0.2813549, 0.2851813,
            ],
        );
    }
}
