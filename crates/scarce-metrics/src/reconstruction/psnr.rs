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
    check_shape(&reference, &reconstruction, data_range)?;
    let sum = sum_of_squares(&reference, &reconstruction);
    // The sum shows whether all values are finite, which spares a pass over each image.
    if !sum.is_finite() {
        check_finite(&reference, &reconstruction)?;
    }
    let error = sum / reference.len() as f64;
    Ok((error > 0.0).then(|| 10.0 * (data_range * data_range / error).log10()))
}

/// Of the differences. Pixels that lie side by side are summed in lanes, several at once.
fn sum_of_squares<T, D>(a: &ArrayView<'_, T, D>, b: &ArrayView<'_, T, D>) -> f64
where
    T: Copy + Into<f64>,
    D: Dimension,
{
    const LANES: usize = 8;
    let square = |a: T, b: T| {
        let difference: f64 = a.into() - b.into();
        difference * difference
    };
    let (Some(a), Some(b)) = (a.as_slice(), b.as_slice()) else {
        let pairs = Zip::from(a).and(b);
        return pairs.fold(0.0, |sum, a, b| sum + square(*a, *b));
    };
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a.remainder().iter().zip(b.remainder());
    let rest: f64 = rest.map(|(a, b)| square(*a, *b)).sum();
    let mut lanes = [0.0; LANES];
    for (a, b) in a.zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += square(*a, *b);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// What both figures want of their images but finite values.
pub(super) fn check_shape<T, D: Dimension>(
    reference: &ArrayView<'_, T, D>,
    reconstruction: &ArrayView<'_, T, D>,
    data_range: f64,
) -> Result<(), ReconstructionError> {
    if reference.shape() != reconstruction.shape() {
        return Err(ReconstructionError::Shape {
            reference: reference.shape().to_vec(),
            reconstruction: reconstruction.shape().to_vec(),
        });
    }
    if reference.is_empty() {
        return Err(ReconstructionError::Empty);
    }
    if !(data_range.is_finite() && data_range > 0.0) {
        return Err(ReconstructionError::DataRange { data_range });
    }
    Ok(())
}

/// That all values are finite.
pub(super) fn check_finite<T, D>(
    reference: &ArrayView<'_, T, D>,
    reconstruction: &ArrayView<'_, T, D>,
) -> Result<(), ReconstructionError>
where
    T: Copy + Into<f64>,
    D: Dimension,
{
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
    Ok(())
}
