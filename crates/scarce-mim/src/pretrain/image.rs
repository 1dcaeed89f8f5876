//! What is trained on: pictures and volumes, each with its region.

use std::sync::Arc;

use ndarray::{ArrayD, Dimension as _};
use scarce_train::loader::SourceError;

use crate::Intensities;
use crate::MimError;

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

/// Mean and deviation of each channel over the pixels of at most `most` images, evenly chosen.
///
/// # Errors
/// As [`Intensities::of`].
pub(super) fn intensities(
    images: &dyn ImageSource,
    channels: i64,
    most: usize,
) -> Result<Intensities, MimError> {
    let step = images.len().div_ceil(most.max(1)).max(1);
    let chosen = (0..images.len()).step_by(step).map(|index| {
        let image = images.read(index).map_err(|error| MimError::Data {
            message: format!("{}: {error}", images.id(index)),
        })?;
        Ok(image.pixels.clone())
    });
    Intensities::of(chosen, channels)
}
