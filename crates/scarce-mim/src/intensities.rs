//! What intensities of 0 to 1 become before a network sees them.

use std::borrow::Borrow;
use std::fs;
use std::path::Path;

use ndarray::{Array, Array3, Axis, RemoveAxis};
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
    /// Where a run writes down what it showed its network.
    pub const FILE: &str = "intensities.json";

    /// What a run showed its network, as it wrote it down; none where that was the values as they are.
    ///
    /// # Errors
    /// [`MimError::Data`] for a file that cannot be read.
    pub fn of_run(run: &Path) -> Result<Option<Self>, MimError> {
        let path = run.join(Self::FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let unreadable = |error: String| MimError::Data {
            message: format!("cannot read intensities: {error}: {}", path.display()),
        };
        let text = fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| unreadable(error.to_string()))
    }

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

    /// Mean and deviation over all pixels of images `(channel, …)` together (MWM takes the mean of each image's
    /// own deviation, which is smaller than what the network then sees).
    ///
    /// # Errors
    /// [`MimError::Data`] without a pixel, for an image of another number of channels, and for a channel that is the
    /// same everywhere; what an image that can't be read gives.
    pub fn of<D: RemoveAxis>(
        images: impl IntoIterator<Item = Result<impl Borrow<Array<f32, D>>, MimError>>,
        channels: i64,
    ) -> Result<Self, MimError> {
        let refuse = |message| Err(MimError::Data { message });
        // Pixels, their sum, and that of their squares.
        let mut sums = vec![[0.0; 3]; channels as usize];
        for image in images {
            let image = image?;
            let planes = image.borrow().axis_iter(Axis(0));
            if planes.len() != sums.len() {
                let got = planes.len();
                return refuse(format!("an image of {got} channels, expected {channels}"));
            }
            for (sums, plane) in sums.iter_mut().zip(planes) {
                for value in plane.iter().map(|v| f64::from(*v)) {
                    for (sum, power) in sums.iter_mut().zip([1.0, value, value * value]) {
                        *sum += power;
                    }
                }
            }
        }
        let (mut mean, mut std) = (Vec::new(), Vec::new());
        for (channel, [n, sum, squares]) in sums.into_iter().enumerate() {
            let middle: f64 = sum / n;
            let deviation = (squares / n - middle * middle).max(0.0).sqrt();
            if deviation.is_nan() || deviation <= 1e-6 {
                return refuse(format!(
                    "channel {channel} of the training images has a deviation of {deviation}: expected some contrast"
                ));
            }
            mean.push(middle as f32);
            std.push(deviation as f32);
        }
        Ok(Self { mean, std })
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
        let intensities = Intensities::of(images.iter().map(Ok), 2).unwrap();
        intensities.check(2).unwrap();
        assert!(intensities.check(3).is_err());
        for image in &mut images {
            intensities.apply(image);
        }
        let again = Intensities::of(images.iter().map(Ok), 2).unwrap();
        for c in 0..2 {
            assert!(again.mean[c].abs() < 1e-5 && (again.std[c] - 1.0).abs() < 1e-5);
        }
        let flat = Array3::from_elem((1, 3, 3), 0.5f32);
        let error = Intensities::of([Ok(flat)], 1).unwrap_err().to_string();
        assert!(error.contains("channel 0"), "{error}");
    }
}
