//! Intensities on another scale.

use std::borrow::Cow;

use ndarray::Zip;
use thiserror::Error;

use crate::ranks::at_ranks;
use crate::{Mask, Volume};

/// Intensities from `low` to `high` brought to 0 to 1, clipped beyond. For CT in HU.
pub fn window(volume: &Volume<f32>, low: f32, high: f32) -> Volume<f32> {
    let width = (high - low).max(f32::MIN_POSITIVE);
    volume.map(|v| ((v - low) / width).clamp(0.0, 1.0))
}

/// The windows in which radiologists look at CT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CtWindow {
    /// Level −600 HU, width 1500.
    Lung,
    /// Level 40 HU, width 400: the abdomen's organs.
    SoftTissue,
    /// Level 400 HU, width 1800.
    Bone,
    /// Level 40 HU, width 80.
    Brain,
    /// Level 50 HU, width 350.
    Mediastinum,
}

impl CtWindow {
    /// The lowest and the highest HU that are told apart, for [`window`].
    pub fn bounds_hu(self) -> (f32, f32) {
        let (level, width) = match self {
            Self::Lung => (-600.0, 1500.0),
            Self::SoftTissue => (40.0, 400.0),
            Self::Bone => (400.0, 1800.0),
            Self::Brain => (40.0, 80.0),
            Self::Mediastinum => (50.0, 350.0),
        };
        (level - width / 2.0, level + width / 2.0)
    }
}

/// Why intensities cannot be brought onto another scale.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum IntensityError {
    /// No voxel to take statistics from.
    #[error("no voxel to take statistics from: the volume or the mask is empty")]
    Empty,
    /// All voxels are the same.
    #[error("all {voxels} voxels are {value}: their standard deviation is 0")]
    Constant {
        /// The one value.
        value: f32,
        /// How many voxels.
        voxels: usize,
    },
    /// A NaN or infinity among the voxels.
    #[error("{count} of {voxels} voxels are NaN or infinite, expected none")]
    NonFinite {
        /// How many are.
        count: usize,
        /// Of how many.
        voxels: usize,
    },
    /// The mask has another shape.
    #[error("mask of {mask:?} voxels for a volume of {volume:?} (z, y, x)")]
    MaskShape {
        /// The volume's shape.
        volume: [usize; 3],
        /// The mask's shape.
        mask: [usize; 3],
    },
    /// No range of percentiles.
    #[error("percentiles {low} to {high}: expected 0 ≤ low < high ≤ 100")]
    Percentiles {
        /// The lower one.
        low: f64,
        /// The upper one.
        high: f64,
    },
}

/// Intensities less their mean, divided by their standard deviation (of the population, as
/// `numpy.std`). With a mask, mean and deviation are those inside it; all voxels are scaled.
///
/// # Errors
/// [`IntensityError`] for a constant volume, an empty or ill-shaped mask, and values that are not
/// finite.
pub fn z_score(volume: &Volume<f32>, inside: Option<&Mask>) -> Result<Volume<f32>, IntensityError> {
    let values = finite_values(volume, inside)?;
    let n = values.len() as f64;
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let squares = values.iter().map(|v| (f64::from(*v) - mean).powi(2));
    let deviation = (squares.sum::<f64>() / n).sqrt();
    if values.iter().all(|v| *v == values[0]) {
        return Err(IntensityError::Constant {
            value: values[0],
            voxels: values.len(),
        });
    }
    Ok(volume.map(|v| ((f64::from(*v) - mean) / deviation) as f32))
}

/// The intensities below which the given percentages of voxels lie, in a mask where there is one:
/// `numpy.percentile` with its linear interpolation between ranks.
///
/// # Errors
/// [`IntensityError`] as for [`z_score`] but for constant volumes, and
/// [`IntensityError::Percentiles`] where `low` < `high` does not hold within 0 to 100.
pub fn percentiles(
    volume: &Volume<f32>,
    [low, high]: [f64; 2],
    inside: Option<&Mask>,
) -> Result<[f32; 2], IntensityError> {
    if !(0.0 <= low && low < high && high <= 100.0) {
        return Err(IntensityError::Percentiles { low, high });
    }
    let values = finite_values(volume, inside)?;
    let last = values.len() - 1;
    let ranks = [low, high].map(|percent| percent / 100.0 * last as f64);
    let [a, b] = ranks.map(|rank| rank as usize);
    let found = at_ranks(&values, [a, (a + 1).min(last), b, (b + 1).min(last)]);
    let between = |value: f32, next: f32, rank: f64| {
        let (value, next) = (f64::from(value), f64::from(next));
        (value + (next - value) * rank.fract()) as f32
    };
    let [value_a, next_a, value_b, next_b] = found;
    Ok([
        between(value_a, next_a, ranks[0]),
        between(value_b, next_b, ranks[1]),
    ])
}

/// Intensities below the percentile `low` and above `high` brought to those percentiles' values.
///
/// # Errors
/// As for [`percentiles`].
///
/// ```
/// use ndarray::Array3;
/// use scarce_image::{Geometry, Volume, clip_percentiles};
///
/// let ramp = Array3::from_shape_fn((1, 1, 101), |(_, _, x)| x as f32);
/// let volume = Volume::new(ramp, Geometry::from_spacing_mm_xyz([1.0, 1.0, 1.0])?);
/// let clipped = clip_percentiles(&volume, [5.0, 95.0], None)?;
/// assert_eq!((clipped.voxels()[[0, 0, 0]], clipped.voxels()[[0, 0, 100]]), (5.0, 95.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn clip_percentiles(
    volume: &Volume<f32>,
    low_high: [f64; 2],
    inside: Option<&Mask>,
) -> Result<Volume<f32>, IntensityError> {
    let [low, high] = percentiles(volume, low_high, inside)?;
    Ok(volume.map(|v| v.clamp(low, high)))
}

/// The values inside, at least one, all finite.
fn finite_values<'a>(
    volume: &'a Volume<f32>,
    inside: Option<&Mask>,
) -> Result<Cow<'a, [f32]>, IntensityError> {
    let values = match inside {
        // A volume is contiguous by its own promise.
        None => Cow::Borrowed(volume.voxels().as_slice().unwrap_or_default()),
        Some(mask) if mask.shape_zyx() == volume.shape_zyx() => {
            let mut values = Vec::new();
            Zip::from(volume.voxels())
                .and(mask.voxels())
                .for_each(|value, inside| {
                    if *inside {
                        values.push(*value);
                    }
                });
            Cow::Owned(values)
        }
        Some(mask) => {
            return Err(IntensityError::MaskShape {
                volume: volume.shape_zyx(),
                mask: mask.shape_zyx(),
            });
        }
    };
    if values.is_empty() {
        return Err(IntensityError::Empty);
    }
    let count = values.iter().filter(|v| !v.is_finite()).count();
    if count > 0 {
        return Err(IntensityError::NonFinite {
            count,
            voxels: values.len(),
        });
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::Geometry;

    fn row(values: &[f32]) -> Volume<f32> {
        let voxels = Array3::from_shape_vec((1, 1, values.len()), values.to_vec()).unwrap();
        Volume::new(voxels, Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap())
    }

    #[test]
    fn clips_beyond_the_window() {
        let got = window(&row(&[-300.0, -100.0, 50.0, 900.0]), -100.0, 200.0);
        assert_eq!(got, row(&[0.0, 0.0, 0.5, 1.0]));
        assert_eq!(CtWindow::Lung.bounds_hu(), (-1350.0, 150.0));
        assert_eq!(CtWindow::Mediastinum.bounds_hu(), (-125.0, 225.0));
    }

    /// ```python
    /// import numpy as np
    /// v = np.array([3, -1, 4, 1, -5, 9, 2, 6, 8, 7.5])
    /// (v - v.mean()) / v.std(), (v - v[:4].mean()) / v[:4].std()
    /// np.percentile(v, [0.5, 99.5]), np.percentile(v, [20, 70]), np.percentile(v[:4], [10, 100])
    /// ```
    #[test]
    fn equals_numpy() {
        let v = row(&V);
        let first_four = v.with_voxels(Array3::from_shape_fn((1, 1, 10), |(_, _, x)| x < 4));
        let first_four = first_four.unwrap();
        for (mask, expected) in [(None, Z_SCORES), (Some(&first_four), Z_SCORES_OF_FOUR)] {
            let got = z_score(&v, mask).unwrap();
            for (got, expected) in got.voxels().iter().zip(expected) {
                assert!((f64::from(*got) - expected).abs() < 1e-6, "{got}");
            }
        }
        for (of, mask, expected) in [
            ([0.5, 99.5], None, [-4.82, 8.955]),
            ([20.0, 70.0], None, [0.6, 6.45]),
            ([10.0, 100.0], Some(&first_four), [-0.4, 4.0]),
        ] {
            let got = percentiles(&v, of, mask).unwrap();
            for (got, expected) in got.into_iter().zip(expected) {
                assert!((f64::from(got) - expected).abs() < 1e-6, "{of:?}: {got}");
            }
        }
    }

    #[test]
    fn refuses_what_has_no_scale() {
        let check = |volume: &Volume<f32>, mask: Option<&Mask>, says: &str| {
            let error = z_score(volume, mask).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        };
        let v = row(&V);
        check(&row(&[2.0; 5]), None, "all 5 voxels are 2");
        check(&row(&[]), None, "empty");
        check(&row(&[1.0, f32::NAN]), None, "1 of 2 voxels are NaN");
        check(&v, Some(&v.map(|_| false)), "empty");
        check(&v, Some(&row(&[1.0]).map(|_| true)), "mask of [1, 1, 1]");
        for of in [[5.0, 5.0], [-1.0, 50.0], [50.0, 101.0], [f64::NAN, 50.0]] {
            let refused = clip_percentiles(&v, of, None);
            assert!(matches!(refused, Err(IntensityError::Percentiles { .. })));
        }
    }

    const V: [f32; 10] = [3.0, -1.0, 4.0, 1.0, -5.0, 9.0, 2.0, 6.0, 8.0, 7.5];
    const Z_SCORES: [f64; 10] = [
        -0.10780956,
        -1.06611677,
        0.13176724,
        -0.58696316,
        -2.02442398,
        1.32965125,
        -0.34738636,
        0.61092085,
        1.09007445,
        0.97028605,
    ];
    const Z_SCORES_OF_FOUR: [f64; 10] = [
        0.65094455,
        -1.43207802,
        1.17170020,
        -0.39056673,
        -3.51510060,
        3.77547842,
        0.13018891,
        2.21321149,
        3.25472277,
        2.99434495,
    ];
}
