//! Images with instances as samples, changed on the loader's workers.

use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayViewMut2, Axis, Slice};
use rand::Rng as _;
use scarce_mim::Intensities;
use scarce_train::loader::{Sample, SampleContext, Source, SourceError};

use super::FinetuneConfig;
use super::images::{Instance, InstanceImage, box_of};

/// The images of the training.
#[derive(Debug)]
pub(super) struct InstanceImages {
    images: Vec<InstanceImage>,
    intensities: Intensities,
    config: FinetuneConfig,
    /// Objects that a sample has room for.
    room: usize,
}

impl InstanceImages {
    pub fn new(
        images: Vec<InstanceImage>,
        intensities: Intensities,
        config: &FinetuneConfig,
    ) -> Self {
        let objects = images.iter().map(|image| image.instances.len());
        Self {
            room: objects.max().unwrap_or(0).max(1),
            images,
            intensities,
            config: config.clone(),
        }
    }
}

impl Source for InstanceImages {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn id(&self, index: usize) -> String {
        self.images[index].id.clone()
    }

    /// `pixels` `(channel, y, x)` of the batch's size, `size_yx` of the image in it, the number of `objects`, and of as many as
    /// there is room for `boxes` `(n, 4)`, `classes` `(n)` and `masks` `(n, y, x)`; what lies beyond `objects` is 0.
    fn sample(&self, index: usize, context: &SampleContext<'_>) -> Result<Sample, SourceError> {
        let image = &self.images[index];
        let drawn = (self.config.augmentation).draw(&mut context.stream("augment"));
        let scales = &self.config.scales;
        let scale = context.stream("scale").random_range(0..scales.len() as u64);
        let [height, width] = self.config.size_yx(scales[scale as usize]);
        let seen = drawn.see(&image.pixels, [height, width], &self.intensities);
        let [rows, columns] = self.config.batch_yx();
        let mut pixels = Array3::zeros((seen.dim().0, rows, columns));
        for (plane, seen) in pixels.outer_iter_mut().zip(seen.outer_iter()) {
            lay(plane, seen);
        }

        let mut boxes = Array2::<f32>::zeros((self.room, 4));
        let mut classes = Array1::<i64>::zeros(self.room);
        let mut masks = Array3::<u8>::zeros((self.room, rows, columns));
        let mut objects = 0;
        for Instance { class, mask } in &image.instances {
            let left = drawn.placement.see_labels(mask.view(), [height, width]);
            let Some(corners) = box_of(left.view()) else {
                continue;
            };
            let magnified = (height * width) as f64 / (mask.len() as f64 * drawn.placement.area());
            let whole = count(mask) * magnified;
            if count(&left) < self.config.least_visible * whole {
                continue;
            }
            boxes.row_mut(objects).assign(&Array1::from_iter(corners));
            classes[objects] = i64::from(*class);
            lay(masks.index_axis_mut(Axis(0), objects), left.view());
            objects += 1;
        }
        let sample = Sample::new()
            .with("pixels", pixels)
            .with(
                "size_yx",
                Array1::from_vec(vec![height as i64, width as i64]),
            )
            .with("objects", Array1::from_vec(vec![objects as i64]))
            .with("boxes", boxes)
            .with("classes", classes);
        Ok(if self.config.network.regions.masks {
            sample.with("masks", masks)
        } else {
            sample
        })
    }
}

/// At the top left.
fn lay<T: Copy>(mut batch: ArrayViewMut2<'_, T>, image: ArrayView2<'_, T>) {
    let size = [image.nrows(), image.ncols()];
    batch
        .slice_each_axis_mut(|axis| Slice::from(..size[axis.axis.index()]))
        .assign(&image);
}

fn count(mask: &Array2<u8>) -> f64 {
    mask.iter().filter(|value| **value != 0).count() as f64
}
