//! Views and their masks as samples, made on the loader's workers.

use std::borrow::Cow;
use std::sync::Arc;

use ndarray::{ArrayD, Axis, Dimension as _, IxDyn, arr1};
use scarce_mask::{Audit, RegionGrid};
use scarce_train::image::{Seed, StreamKey};
use scarce_train::loader::{Sample, SampleContext, Source, SourceError};

use super::hiding::{Hiding, shuffled};
use super::{Control, ImageSample, ImageSource, PretrainConfig};
use crate::MimError;

/// A view of an image, and what is hidden of it.
pub(super) struct MaskedView {
    /// `(channel, …)`.
    pub pixels: ArrayD<f32>,
    pub region: ArrayD<bool>,
    pub cells: RegionGrid<IxDyn>,
    pub hidden: ArrayD<bool>,
    pub audit: Audit,
}

/// The images of a pre-training, with how they are viewed and masked.
pub(super) struct Views {
    config: PretrainConfig,
    images: Arc<dyn ImageSource>,
    hiding: Hiding,
    /// Whose region an image has, where not its own.
    whose: Option<Vec<usize>>,
}

impl Views {
    pub(super) fn new(config: PretrainConfig, images: Arc<dyn ImageSource>, seed: Seed) -> Self {
        let whose =
            (config.control == Control::ShuffledRegion).then(|| shuffled(images.len(), seed));
        let hiding = Hiding {
            mask: config.mask.clone(),
            schedule: config.schedule.clone(),
            control: config.control,
            patch: config.mask_patch(),
        };
        Self {
            config,
            images,
            hiding,
            whose,
        }
    }

    /// An image's view and mask in an epoch.
    pub(super) fn view(
        &self,
        index: usize,
        epoch: u64,
        seed: Seed,
    ) -> Result<MaskedView, SourceError> {
        let image = self.image(index)?;
        let key = StreamKey {
            epoch,
            sample_id: &image.id,
            purpose: "crop",
        };
        let view = self.config.view.of(&image, &mut seed.stream(key))?;
        let drawn = self.hiding.of(view.region.view(), &image.id, epoch, seed);
        let drawn = drawn.map_err(|source| MimError::Mask {
            sample: image.id.clone(),
            source,
        })?;
        Ok(MaskedView {
            pixels: view.pixels,
            region: view.region,
            cells: drawn.cells,
            hidden: drawn.mask.hidden,
            audit: drawn.mask.audit,
        })
    }

    /// The image at `index`, with the region it is to have.
    fn image(&self, index: usize) -> Result<Arc<ImageSample>, SourceError> {
        let (channels, axes) = (self.config.encoder.in_channels, self.config.view.size.len());
        let image = self.images.read(index)?;
        image.check(channels, axes)?;
        let Some(whose) = &self.whose else {
            return Ok(image);
        };
        let other = self.images.read(whose[index])?;
        other.check(channels, axes)?;
        Ok(Arc::new(ImageSample {
            region: stretched(&other.region, image.shape()).into_owned(),
            ..image.as_ref().clone()
        }))
    }
}

impl Source for Views {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn id(&self, index: usize) -> String {
        self.images.id(index)
    }

    /// `pixels` `(channel, …)`; `hidden` and `region`, `(1, …)` on the grid; `audit`, the mask's counts of
    /// hidden cells, cells, hidden cells of the region and cells of the region.
    fn sample(&self, index: usize, context: &SampleContext<'_>) -> Result<Sample, SourceError> {
        let view = self.view(index, context.epoch, context.seed)?;
        let audit = view.audit;
        let counts = [
            audit.hidden,
            audit.cells,
            audit.hidden_region,
            audit.region_cells,
        ];
        Ok(Sample::new()
            .with("pixels", view.pixels)
            .with("hidden", view.hidden.insert_axis(Axis(0)))
            .with("region", view.cells.cells().clone().insert_axis(Axis(0)))
            .with("audit", arr1(&counts.map(|n| n as i64))))
    }
}

/// A region brought to another shape, each new cell the old one that its centre lies in.
fn stretched<'r>(region: &'r ArrayD<bool>, shape: &[usize]) -> Cow<'r, ArrayD<bool>> {
    if region.shape() == shape {
        return Cow::Borrowed(region);
    }
    Cow::Owned(ArrayD::from_shape_fn(shape, |mut at| {
        for (a, k) in at.slice_mut().iter_mut().enumerate() {
            *k = (2 * *k + 1) * region.shape()[a] / (2 * shape[a]);
        }
        region[at]
    }))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_region_is_stretched_to_another_image() {
        let region = array![[true, false], [false, true]].into_dyn();
        let tall = stretched(&region, &[4, 2]).into_owned();
        let expected = array![[true, false], [true, false], [false, true], [false, true]];
        assert_eq!(tall, expected.into_dyn());
        assert_eq!(stretched(&tall, &[2, 2]).into_owned(), region);
    }
}
