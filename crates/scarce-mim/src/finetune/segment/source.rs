//! Outlined images as samples, changed on the loader's workers.

use scarce_train::loader::{Sample, SampleContext, Source, SourceError};

use crate::Intensities;
use crate::finetune::OutlinedImage;
use crate::finetune::look::Augmentation;

/// The images of the training.
#[derive(Debug)]
pub(super) struct OutlinedImages {
    pub images: Vec<OutlinedImage>,
    pub intensities: Intensities,
    pub input_yx: [usize; 2],
    pub augmentation: Augmentation,
}

impl Source for OutlinedImages {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn id(&self, index: usize) -> String {
        self.images[index].id.clone()
    }

    /// `pixels` `(channel, y, x)` and `labels` `(y, x)`.
    fn sample(&self, index: usize, context: &SampleContext<'_>) -> Result<Sample, SourceError> {
        let image = &self.images[index];
        let drawn = self.augmentation.draw(&mut context.stream("augment"));
        let pixels = drawn.see(&image.pixels, self.input_yx, &self.intensities);
        let labels = drawn
            .placement
            .see_labels(image.labels.view(), self.input_yx);
        Ok(Sample::new().with("pixels", pixels).with("labels", labels))
    }
}
