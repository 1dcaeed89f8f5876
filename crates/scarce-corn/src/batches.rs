//! The crops of a step, labelled and unlabelled.

use ndarray::ArrayView3;
use rand::seq::SliceRandom as _;
use scarce_train::image::StreamKey;
use scarce_train::{StepContext, tensor_from_array};
use tch::Tensor;

use crate::augment::{CropPlan, random_crop};
use crate::volumes::foreground_voxels;
use crate::{CornError, LabelledVolume, SemiConfig, UnlabelledVolume};

/// Two streams of crops: a batch has some of each, or of one where the other has no volume.
#[derive(Debug)]
pub(crate) struct TwoStreams {
    labelled: Vec<LabelledVolume>,
    foreground: Vec<Vec<[u32; 3]>>,
    unlabelled: Vec<UnlabelledVolume>,
}

/// One step's crops, on the CPU.
pub(crate) struct Batch {
    /// `(batch, 1, z, y, x)`, labelled crops first.
    pub images: Tensor,
    /// Classes of the labelled crops `(labelled, z, y, x)`, int64.
    pub labels: Tensor,
    /// Ids of all crops' volumes.
    pub ids: Vec<String>,
    /// Indices of the labelled crops' volumes.
    pub labelled_samples: Vec<usize>,
}

impl Batch {
    pub(crate) fn labelled(&self) -> i64 {
        self.labelled_samples.len() as i64
    }

    pub(crate) fn unlabelled(&self) -> i64 {
        (self.ids.len() - self.labelled_samples.len()) as i64
    }
}

impl TwoStreams {
    pub(crate) fn new(labelled: Vec<LabelledVolume>, unlabelled: Vec<UnlabelledVolume>) -> Self {
        let foreground = labelled
            .iter()
            .map(|v| foreground_voxels(v.label.view()))
            .collect();
        Self {
            labelled,
            foreground,
            unlabelled,
        }
    }

    pub(crate) fn batch(
        &self,
        config: &SemiConfig,
        context: &StepContext,
    ) -> Result<Batch, CornError> {
        let (mut images, mut labels, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        let mut add = |k: usize,
                       id: &str,
                       image: ArrayView3<'_, f32>,
                       label: Option<ArrayView3<'_, u8>>,
                       foreground: &[[u32; 3]]| {
            let plan = CropPlan {
                patch_zyx: config.patch_zyx,
                foreground,
                foreground_chance: config.foreground_chance,
            };
            // The place in the batch tells two crops of one volume apart.
            let purpose = format!("crop {k}");
            let mut rng = context.seed.stream(StreamKey {
                epoch: context.step,
                sample_id: id,
                purpose: &purpose,
            });
            let crop = random_crop(image, label, &plan, &config.augment, &mut rng);
            images.push(tensor_from_array(&crop.image));
            if let Some(label) = crop.label {
                labels.push(tensor_from_array(&label.mapv(i64::from)));
            }
            ids.push(id.to_owned());
        };
        let (volumes, batch) = (self.labelled.len(), config.labelled_batch);
        let labelled_samples = picks(volumes, batch, context, "labelled");
        for (k, sample) in labelled_samples.iter().enumerate() {
            let volume = &self.labelled[*sample];
            let label = Some(volume.label.view());
            let foreground = &self.foreground[*sample];
            add(k, &volume.id, volume.image.view(), label, foreground);
        }
        let (volumes, batch) = (self.unlabelled.len(), config.unlabelled_batch);
        let unlabelled_samples = picks(volumes, batch, context, "unlabelled");
        for (k, sample) in unlabelled_samples.into_iter().enumerate() {
            let volume = &self.unlabelled[sample];
            add(k, &volume.id, volume.image.view(), None, &[]);
        }
        Ok(Batch {
            images: Tensor::f_stack(&images, 0)?.f_unsqueeze(1)?,
            labels: Tensor::f_stack(&labels, 0)?,
            ids,
            labelled_samples,
        })
    }
}

/// The step's samples of a stream: permutation after permutation of all of them, cut into batches.
fn picks(samples: usize, batch: usize, context: &StepContext, stream: &str) -> Vec<usize> {
    let first = context.step * batch as u64;
    (first..first + batch as u64)
        .filter(|_| samples > 0)
        .map(|position| {
            let mut order: Vec<usize> = (0..samples).collect();
            order.shuffle(&mut context.seed.stream(StreamKey {
                epoch: position / samples as u64,
                sample_id: "",
                purpose: stream,
            }));
            order[(position % samples as u64) as usize]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use scarce_train::image::Seed;

    use super::*;

    fn context(step: u64) -> StepContext {
        StepContext {
            step,
            total_steps: 100,
            seed: Seed(3),
        }
    }

    /// Every volume comes equally often, whatever the batch, also one larger than the stream.
    #[test]
    fn each_epoch_is_a_permutation() {
        for (samples, batch) in [(5, 1), (5, 2), (3, 4), (1, 2)] {
            let steps = samples as u64 * 4;
            let drawn: Vec<usize> = (0..steps)
                .flat_map(|step| picks(samples, batch, &context(step), "labelled"))
                .collect();
            for epoch in drawn.chunks_exact(samples) {
                let mut epoch = epoch.to_vec();
                epoch.sort_unstable();
                assert_eq!(epoch, (0..samples).collect::<Vec<_>>());
            }
        }
        assert!(picks(0, 2, &context(0), "unlabelled").is_empty());
        let stream = |name| -> Vec<usize> {
            (0..40)
                .flat_map(|s| picks(9, 1, &context(s), name))
                .collect()
        };
        assert_ne!(stream("labelled"), stream("unlabelled"));
    }
}
