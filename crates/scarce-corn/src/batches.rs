//! The crops of a step, labelled and unlabelled.

use ndarray::Axis;
use scarce_train::StepContext;
use scarce_train::image::{Seed, StreamKey};
use scarce_train::loader::{
    DataWait, Loader, Remainder, Sample, SampleContext, Sampler, Shard, Source, SourceError,
};
use tch::{Device, Kind, Tensor};

use crate::augment::{AugmentConfig, CropPlan, random_crop};
use crate::volumes::{check_clipped, foreground_voxels};
use crate::{CornError, LabelledVolume, SemiConfig, UnlabelledVolume};

/// Two streams of crops, made on the loader's workers: a batch has some of each, or of one where the other has
/// no volume.
#[derive(Debug)]
pub(crate) struct TwoStreams {
    loader: Loader,
    config: SemiConfig,
    has_unlabelled: bool,
}

/// One step's crops.
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

impl TwoStreams {
    pub(crate) fn new(
        labelled: Vec<LabelledVolume>,
        unlabelled: Vec<UnlabelledVolume>,
        config: &SemiConfig,
        seed: Seed,
    ) -> Result<Self, CornError> {
        if config.augment.clip {
            let with_label = labelled.iter().map(|v| (&v.id, v.image.view()));
            let without = unlabelled.iter().map(|v| (&v.id, v.image.view()));
            for (id, image) in with_label.chain(without) {
                check_clipped(id, image)?;
            }
        }
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
        let has_unlabelled = !unlabelled.is_empty();
        let volumes = Volumes {
            labelled,
            foreground,
            unlabelled,
            patch_zyx: config.patch_zyx,
            foreground_chance: config.foreground_chance,
            augment: config.augment.clone(),
        };
        Ok(Self {
            loader: Loader::new(volumes, sampler, seed, config.loader)?,
            config: config.clone(),
            has_unlabelled,
        })
    }

    pub(crate) fn data_wait(&self) -> DataWait {
        self.loader.data_wait()
    }

    /// This process's crops of the step's batch: equal parts of the labelled and of the unlabelled.
    pub(crate) fn batch(
        &mut self,
        context: &StepContext,
        device: Device,
    ) -> Result<Batch, CornError> {
        self.config
            .check_processes(self.has_unlabelled, context.world_size)?;
        self.loader.set_shard(Shard {
            rank: context.rank as usize,
            world: context.world_size as usize,
        })?;
        let mut batch = self.loader.batch_for(context)?;
        let (images, labels) = (batch.take("image", device)?, batch.take("label", device)?);
        let labelled = &batch.samples[..batch.of_stream(0)];
        Ok(Batch {
            images,
            labels: labels.f_to_kind(Kind::Int64)?,
            ids: batch.ids(),
            labelled_samples: labelled.iter().map(|sample| sample.draw.index).collect(),
        })
    }
}

/// All volumes, with how they are cropped; indices run over the labelled ones, then over the unlabelled.
struct Volumes {
    labelled: Vec<LabelledVolume>,
    foreground: Vec<Vec<[u32; 3]>>,
    unlabelled: Vec<UnlabelledVolume>,
    patch_zyx: [usize; 3],
    foreground_chance: f64,
    augment: AugmentConfig,
}

impl Source for Volumes {
    fn len(&self) -> usize {
        self.labelled.len() + self.unlabelled.len()
    }

    fn id(&self, index: usize) -> String {
        match self.labelled.get(index) {
            Some(volume) => volume.id.clone(),
            None => self.unlabelled[index - self.labelled.len()].id.clone(),
        }
    }

    /// `image` `(1, z, y, x)`, and `label` `(z, y, x)` where there is one.
    fn sample(&self, index: usize, context: &SampleContext<'_>) -> Result<Sample, SourceError> {
        let labelled = self.labelled.get(index);
        let image = match labelled {
            Some(volume) => &volume.image,
            None => &self.unlabelled[index - self.labelled.len()].image,
        };
        let label = labelled.map(|volume| volume.label.view());
        let foreground = self.foreground.get(index).map_or(&[][..], Vec::as_slice);
        let plan = CropPlan {
            patch_zyx: self.patch_zyx,
            foreground,
            foreground_chance: self.foreground_chance,
        };
        // The place in the batch tells two crops of one volume apart.
        let mut rng = context.seed.stream(StreamKey {
            epoch: context.step,
            sample_id: context.id,
            purpose: &format!("crop {}", context.place),
        });
        let crop = random_crop(image.view(), label, &plan, &self.augment, &mut rng);
        let sample = Sample::new().with("image", crop.image.insert_axis(Axis(0)));
        Ok(match crop.label {
            Some(label) => sample.with("label", label),
            None => sample,
        })
    }
}
