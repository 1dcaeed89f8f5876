//! The crops of a step, labelled and unlabelled.

use ndarray::ArrayView3;
use scarce_train::image::StreamKey;
use scarce_train::loader::{Remainder, Sampler};
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
    /// Indices run over the labelled volumes, then over the unlabelled.
    sampler: Sampler,
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
    pub(crate) fn new(
        labelled: Vec<LabelledVolume>,
        unlabelled: Vec<UnlabelledVolume>,
        config: &SemiConfig,
    ) -> Result<Self, CornError> {
        let sampler = Sampler::two_streams(
            (0..labelled.len()).collect(),
            (labelled.len()..labelled.len() + unlabelled.len()).collect(),
            [config.labelled_batch, config.unlabelled_batch],
            Remainder::CarryOver,
        )?;
        let foreground = labelled
            .iter()
            .map(|v| foreground_voxels(v.label.view()))
            .collect();
        Ok(Self {
            labelled,
            foreground,
            unlabelled,
            sampler,
        })
    }

    pub(crate) fn batch(
        &mut self,
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
        let mut labelled_samples = Vec::with_capacity(config.labelled_batch);
        for draw in self.sampler.batch(context.step, context.seed) {
            if let Some(volume) = self.labelled.get(draw.index) {
                let label = Some(volume.label.view());
                let foreground = &self.foreground[draw.index];
                add(
                    draw.place,
                    &volume.id,
                    volume.image.view(),
                    label,
                    foreground,
                );
                labelled_samples.push(draw.index);
            } else {
                let volume = &self.unlabelled[draw.index - self.labelled.len()];
                add(draw.place, &volume.id, volume.image.view(), None, &[]);
            }
        }
        Ok(Batch {
            images: Tensor::f_stack(&images, 0)?.f_unsqueeze(1)?,
            labels: Tensor::f_stack(&labels, 0)?,
            ids,
            labelled_samples,
        })
    }
}
