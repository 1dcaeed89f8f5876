//! What intensities of 0 to 1 become before a network sees them.

use ndarray::{Array3, Axis};
use serde::{Deserialize, Serialize};

use crate::MimError;

/// `(value - mean) / std`, channel by channel: the network must be shown what it was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intensities {
    /// Of each channel, on the scale 0 to 1.
    pub mean: Vec<f32>,
    /// The same, above 0.
    pub std: Vec<f32>,
}

impl Intensities {
    /// Values as they are.
    pub fn identity(channels: i64) -> Self {
        Self {
            mean: vec![0.0; channels as usize],
            std: vec![1.0; channels as usize],
        }
    }

    /// What networks of timm and torchvision were trained on; for one channel, the means over its three.
    pub fn imagenet(channels: i64) -> Self {
        let (mean, std) = ([0.485f32, 0.456, 0.406], [0.229f32, 0.224, 0.225]);
        if channels == 3 {
            return Self {
                mean: mean.to_vec(),
                std: std.to_vec(),
            };
        }
        let middle = |values: [f32; 3]| vec![values.iter().sum::<f32>() / 3.0; channels as usize];
        Self {
            mean: middle(mean),
            std: middle(std),
        }
    }

    /// Mean and deviation over all pixels of images `(channel, y, x)` together (MWM takes the mean of each image's
    /// own deviation, which is smaller than what the network then sees).
    ///
    /// # Errors
    /// [`MimError::Data`] without a pixel, and for a channel that is the same everywhere.
    pub fn of<'a>(
        images: impl Iterator<Item = &'a Array3<f32>>,
        channels: i64,
    ) -> Result<Self, MimError> {
        let channels = channels as usize;
        let (mut n, mut sums, mut squares) = (0.0, vec![0.0; channels], vec![0.0; channels]);
        for image in images {
            n += (image.len_of(Axis(1)) * image.len_of(Axis(2))) as f64;
            for (c, plane) in image.outer_iter().enumerate().take(channels) {
                for value in plane {
                    sums[c] += f64::from(*value);
                    squares[c] += f64::from(*value).powi(2);
                }
            }
        }
        let mean: Vec<f64> = sums.iter().map(|s| s / n).collect();
        let std: Vec<f64> = squares
            .iter()
            .zip(&mean)
            .map(|(s, m)| (s / n - m * m).max(0.0).sqrt())
            .collect();
        if let Some(channel) = std.iter().position(|s| !(*s > 1e-6)) {
            let message = format!(
                "channel {channel} of the training images has a deviation of {}: expected some contrast",
                std[channel]
            );
            return Err(MimError::Data { message });
        }
        let single = |values: Vec<f64>| values.into_iter().map(|v| v as f32).collect();
        Ok(Self {
            mean: single(mean),
            std: single(std),
        })
    }

    /// Whether there is a mean and a deviation above 0 for each channel.
    ///
    /// # Errors
    /// [`MimError::Setting`].
    pub fn check(&self, channels: i64) -> Result<(), MimError> {
        let n = channels as usize;
        let is_fine = self.mean.len() == n
            && self.std.len() == n
            && self.mean.iter().all(|v| v.is_finite())
            && self.std.iter().all(|v| v.is_finite() && *v > 0.0);
        if is_fine {
            return Ok(());
        }
        Err(MimError::Setting {
            name: "intensities",
            expected: format!("mean and std above 0 of {n} channels"),
            got: format!("{:?} and {:?}", self.mean, self.std),
        })
    }

    /// Applies it to pixels `(channel, y, x)`.
    pub fn apply(&self, pixels: &mut Array3<f32>) {
        for (c, mut plane) in pixels.outer_iter_mut().enumerate() {
            let (mean, std) = (self.mean[c], self.std[c]);
            plane.mapv_inplace(|v| (v - mean) / std);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_images_come_out_with_mean_0_and_deviation_1() {
        let image = |k: usize| {
            Array3::from_shape_fn((2, 5, 6), |(c, y, x)| {
                ((k + 3 * c + 7 * y + 11 * x) % 13) as f32 / 13.0 * (c as f32 + 0.5)
            })
        };
        let mut images = vec![image(0), image(4)];
        let intensities = Intensities::of(images.iter(), 2).unwrap();
        intensities.check(2).unwrap();
        assert!(intensities.check(3).is_err());
        for image in &mut images {
            intensities.apply(image);
        }
        let again = Intensities::of(images.iter(), 2).unwrap();
        for c in 0..2 {
            assert!(again.mean[c].abs() < 1e-5 && (again.std[c] - 1.0).abs() < 1e-5);
        }
        let flat = Array3::from_elem((1, 3, 3), 0.5f32);
        let error = Intensities::of([flat].iter(), 1).unwrap_err().to_string();
        assert!(error.contains("channel 0"), "{error}");
    }
}
