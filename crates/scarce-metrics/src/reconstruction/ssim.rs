//! Structural similarity.

use ndarray::{ArrayView, Dimension};
use serde::{Deserialize, Serialize};

use super::moments::{WindowedPair, planes};
use super::psnr::{check_finite, check_shape};
use super::{ReconstructionError, SsimWindow};

/// How SSIM is computed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SsimOptions {
    /// _Default:_ uniform, 7 pixels wide.
    pub window: SsimWindow,
    /// Whether covariances are those of a sample, N/(N−1) times the window's, N its pixels.
    /// _Default:_ true, as scikit-image's; Wang et al. 2004 have false.
    pub sample_covariance: bool,
    /// Of C₁ = (K₁R)². _Default:_ 0.01.
    pub k1: f64,
    /// Of C₂ = (K₂R)². _Default:_ 0.03.
    pub k2: f64,
}

impl Default for SsimOptions {
    fn default() -> Self {
        Self {
            window: SsimWindow::Uniform { side: 7 },
            sample_covariance: true,
            k1: 0.01,
            k2: 0.03,
        }
    }
}

impl SsimOptions {
    /// The choices of Wang et al. 2004: a Gaussian of σ = 1.5 and the window's own covariances
    /// (scikit-image's `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`).
    pub fn wang() -> Self {
        Self::default()
            .with_window(SsimWindow::Gaussian { sigma: 1.5 })
            .with_sample_covariance(false)
    }

    /// With another window.
    #[must_use]
    pub fn with_window(mut self, window: SsimWindow) -> Self {
        self.window = window;
        self
    }

    /// With or without N/(N−1).
    #[must_use]
    pub fn with_sample_covariance(mut self, sample_covariance: bool) -> Self {
        self.sample_covariance = sample_covariance;
        self
    }

    /// With other constants.
    #[must_use]
    pub fn with_constants(mut self, k1: f64, k2: f64) -> Self {
        (self.k1, self.k2) = (k1, k2);
        self
    }
}

/// Mean structural similarity (Wang et al. 2004) of images `(y, x)` or volumes `(z, y, x)`, in double
/// precision: equal to scikit-image's on arrays of `float64`. Windows that reach beyond the edge are
/// left out. A function of the arrays alone, on any number of threads.
///
/// # Errors
/// [`ReconstructionError`] for other shapes, neither two nor three axes, values that are not finite, a data range that is not above
/// 0, a window that is even, below 3 or wider than an axis, and constants out of their range.
///
/// ```
/// use ndarray::Array2;
/// use scarce_metrics::reconstruction::{SsimOptions, ssim};
///
/// let reference = Array2::from_shape_fn((16, 16), |(y, x)| ((y * x) as f64 / 30.0).sin());
/// let noisy = reference.mapv(|v| v + 0.05 * (900.0 * v).cos());
/// let similarity = ssim(reference.view(), noisy.view(), 2.0, &SsimOptions::wang())?;
/// assert!(similarity > 0.9 && similarity < 1.0);
/// # Ok::<(), scarce_metrics::reconstruction::ReconstructionError>(())
/// ```
pub fn ssim<T, D>(
    reference: ArrayView<'_, T, D>,
    reconstruction: ArrayView<'_, T, D>,
    data_range: f64,
    options: &SsimOptions,
) -> Result<f64, ReconstructionError>
where
    T: Copy + Into<f64> + Sync,
    D: Dimension,
{
    check_shape(&reference, &reconstruction, data_range)?;
    check_finite(&reference, &reconstruction)?;
    let weights = options.window.weights()?;
    let (side, n_axes) = (weights.len(), reference.ndim());
    if !(2..=3).contains(&n_axes) {
        return Err(ReconstructionError::Axes { n_axes });
    }
    let smallest = reference.shape().iter().copied().min().unwrap_or(0);
    if side % 2 == 0 || side < 3 || side > smallest {
        return Err(ReconstructionError::Window { side, smallest });
    }
    for (name, value) in [("k1", options.k1), ("k2", options.k2)] {
        if !(value.is_finite() && value >= 0.0) {
            return Err(ReconstructionError::Constant {
                name,
                value,
                expected: "finite and at least 0",
            });
        }
    }
    let pixels = (side as f64).powi(n_axes as i32);
    let covariance = if options.sample_covariance {
        pixels / (pixels - 1.0)
    } else {
        1.0
    };
    let (c1, c2) = (
        (options.k1 * data_range).powi(2),
        (options.k2 * data_range).powi(2),
    );
    let pair = WindowedPair {
        a: planes(reference)?,
        b: planes(reconstruction)?,
        weights: &weights,
    };
    Ok(pair.mean(|[ux, uy, squares, product]| {
        let (covariances, variances) = (
            covariance * (product - ux * uy),
            covariance * (squares - ux * ux - uy * uy),
        );
        let luminance = (2.0 * ux * uy + c1) / (ux * ux + uy * uy + c1);
        luminance * (2.0 * covariances + c2) / (variances + c2)
    }))
}
