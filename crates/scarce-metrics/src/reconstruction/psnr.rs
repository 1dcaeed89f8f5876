//! Peak signal-to-noise ratio.

use ndarray::{ArrayView, Dimension, Zip};

use super::ReconstructionError;

/// Peak signal-to-noise ratio in decibels, 10 log₁₀(R² / MSE), of images of any shape.
///
/// `None` for images that are equal: their noise is 0 and the ratio infinite, which no mean over cases
/// can take.
///
/// # Errors
/// [`ReconstructionError`] for other shapes, no pixel, values that are not finite, and a data range that
/// is not above 0.
///
/// ```
/// use ndarray::arr2;
/// use scarce_metrics::reconstruction::psnr_db;
///
/// let reference = arr2(&[[0.0, 1.0], [0.5, 0.25]]);
/// let noisy = &reference + 0.1;
/// let psnr = psnr_db(reference.view(), noisy.view(), 1.0)?;
/// assert!((psnr.unwrap_or(0.0) - 20.0).abs() < 1e-9);
/// # Ok::<(), scarce_metrics::reconstruction::ReconstructionError>(())
/// ```
pub fn psnr_db<T, D>(
    reference: ArrayView<'_, T, D>,
    reconstruction: ArrayView<'_, T, D>,
    data_range: f64,
) -> Result<Option<f64>, ReconstructionError>
where
    T: Copy + Into<f64>,
    D: Dimension,
{
    check(&reference, &reconstruction, data_range)?;
    let sum = Zip::from(&reference)
        .and(&reconstruction)
        .fold(0.0, |sum, a, b| sum + ((*a).into() - (*b).into()).powi(2));
    let error = sum / reference.len() as f64;
    Ok((error > 0.0).then(|| 10.0 * (data_range * data_range / error).log10()))
}

/// What both figures want of their images.
pub(super) fn check<T, D>(
    reference: &ArrayView<'_, T, D>,
    reconstruction: &ArrayView<'_, T, D>,
    data_range: f64,
) -> Result<(), ReconstructionError>
where
    T: Copy + Into<f64>,
    D: Dimension,
{
    if reference.shape() != reconstruction.shape() {
        return Err(ReconstructionError::Shape {
            reference: reference.shape().to_vec(),
            reconstruction: reconstruction.shape().to_vec(),
        });
    }
    if reference.is_empty() {
        return Err(ReconstructionError::Empty);
    }
    for (image, pixels) in [("reference", reference), ("reconstruction", reconstruction)] {
        // Branch-free, since all are finite nearly always.
        if pixels.fold(true, |finite, pixel| finite & (*pixel).into().is_finite()) {
            continue;
        }
        let values = pixels.iter().map(|pixel| -> f64 { (*pixel).into() });
        if let Some((index, value)) = values.enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(ReconstructionError::NotFinite {
                image,
                index,
                value,
            });
        }
    }
    if !(data_range.is_finite() && data_range > 0.0) {
        return Err(ReconstructionError::DataRange { data_range });
    }
    Ok(())
}
