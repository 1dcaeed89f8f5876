//! What is trained on: pictures and volumes, each with its region.

use std::sync::Arc;

use ndarray::{ArrayD, Axis, Dimension as _};
use scarce_train::loader::SourceError;

use crate::MimError;
use crate::finetune::look::Intensities;

/// One picture or volume to train on.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageSample {
    /// Its name; masks and views are functions of it.
    pub id: String,
    /// Intensities, `(channel, y, x)` or `(channel, z, y, x)`.
    pub pixels: ArrayD<f32>,
    /// The region that matters, of the pixels' shape without the channels.
    pub region: ArrayD<bool>,
}

/// Pictures or volumes by index. The loader's workers ask from several threads at once, and again in every
/// epoch: a source may keep them in memory or read them each time.
pub trait ImageSource: Send + Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of the one at `index`; no two share one.
    fn id(&self, index: usize) -> String;

    /// The one at `index`, by that name and always the same.
    ///
    /// # Errors
    /// Whatever keeps it from it; the trainer is told with the name.
    fn read(&self, index: usize) -> Result<Arc<ImageSample>, SourceError>;
}

impl ImageSource for Vec<Arc<ImageSample>> {
    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn id(&self, index: usize) -> String {
        self[index].id.clone()
    }

    fn read(&self, index: usize) -> Result<Arc<ImageSample>, SourceError> {
        Ok(Arc::clone(&self[index]))
    }
}

impl ImageSample {
    /// Sides in pixels or voxels.
    pub(super) fn shape(&self) -> &[usize] {
        self.region.shape()
    }

    /// Refuses what can't be trained on: another number of axes or channels than the network takes, a region of
    /// another shape, a value that is not finite.
    pub(super) fn check(&self, channels: i64, axes: usize) -> Result<(), MimError> {
        let found = self.pixels.shape();
        let refuse = |message: String| Err(MimError::Data { message });
        if found.len() != axes + 1 || found[0] as i64 != channels {
            return refuse(format!(
                "{} has pixels of shape {found:?}, expected {channels} channels and {axes} axes",
                self.id
            ));
        }
        if found[1..] != *self.shape() {
            return refuse(format!(
                "{} has pixels of shape {found:?} and a region of {:?}",
                self.id,
                self.shape()
            ));
        }
        if let Some((at, value)) = self.pixels.indexed_iter().find(|(_, v)| !v.is_finite()) {
            return refuse(format!(
                "{} has the value {value} at {:?}",
                self.id,
                at.as_array_view().to_vec()
            ));
        }
        Ok(())
    }
}

/// Mean and standard deviation of each channel over the pixels of at most `most` images, evenly chosen: all
/// pixels together, where the released MWM code averages the deviations of single images.
///
/// # Errors
/// [`MimError::Data`] for an image that can't be read.
pub(super) fn statistics(images: &dyn ImageSource, most: usize) -> Result<Intensities, MimError> {
    let step = images.len().div_ceil(most.max(1)).max(1);
    let mut sums: Vec<[f64; 3]> = Vec::new();
    for index in (0..images.len()).step_by(step) {
        let image = images.read(index).map_err(|error| MimError::Data {
            message: format!("{}: {error}", images.id(index)),
        })?;
        let channels = image.pixels.axis_iter(Axis(0));
        sums.resize(channels.len(), [0.0; 3]);
        for (sums, channel) in sums.iter_mut().zip(channels) {
            for value in channel.iter().map(|v| f64::from(*v)) {
                sums[0] += 1.0;
                sums[1] += value;
                sums[2] += value * value;
            }
        }
    }
    let mean = |[n, sum, _]: &[f64; 3]| sum / n;
    let deviation = |sums: &[f64; 3]| (sums[2] / sums[0] - mean(sums).powi(2)).max(0.0).sqrt();
    Ok(Intensities {
        mean: sums.iter().map(|sums| mean(sums) as f32).collect(),
        std: sums.iter().map(|sums| deviation(sums) as f32).collect(),
    })
}
