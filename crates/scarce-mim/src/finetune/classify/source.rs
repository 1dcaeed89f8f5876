//! Labelled images as samples, changed on the loader's workers.

use std::sync::Arc;

use ndarray::arr1;
use scarce_train::loader::{Sample, SampleContext, Source, SourceError};

use crate::Intensities;
use crate::finetune::LabelledImage;
use crate::finetune::look::Augmentation;

/// The images of one part.
#[derive(Debug)]
pub(super) struct LabelledImages {
    pub images: Arc<Vec<LabelledImage>>,
    pub intensities: Intensities,
    pub input_yx: [usize; 2],
    pub augmentation: Augmentation,
}

impl Source for LabelledImages {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn id(&self, index: usize) -> String {
        self.images[index].id.clone()
    }

    /// `pixels` `(channel, y, x)` and `class` `(1)`.
    fn sample(&self, index: usize, context: &SampleContext<'_>) -> Result<Sample, SourceError> {
        let image = &self.images[index];
        let drawn = self.augmentation.draw(&mut context.stream("augment"));
        let pixels = drawn.see(&image.pixels, self.input_yx, &self.intensities);
        Ok(Sample::new()
            .with("pixels", pixels)
            .with("class", arr1(&[image.class as i64])))
    }
}
