//! A training by one of the recipes.

use scarce_train::distributed::Group;
use scarce_train::image::Seed;
use scarce_train::loader::DataWait;
use scarce_train::pytorch_init::seed_initialisation;
use scarce_train::{MicroBatch, StepContext, StepLoss, Task, TaskError, TrainError};
use tch::{Device, Tensor};

use crate::batches::TwoStreams;
use crate::method::{Crops, Method};
use crate::validation::Validation;
use crate::volumes::check_volumes;
use crate::{CornError, LabelledVolume, SemiConfig, UnlabelledVolume};

/// A training by one of the recipes: a [`Method`] on crops of volumes.
///
/// On several processes each takes an equal part of the labelled and of the unlabelled crops. As where a reference
/// implementation is wrapped in `DistributedDataParallel`, Dice, batch normalisation and the correlation are those
/// of a process's own crops, and gradients are averaged; the feature pool is one, and equal on all.
///
/// Checkpoints hold each network's variables under its name ([`crate::Branches::names`]); the feature pool is kept as the
/// task's memory.
#[derive(Debug)]
pub struct SemiTask {
    streams: TwoStreams,
    method: Method,
    validation: Validation,
    device: Device,
}

impl SemiTask {
    /// Prepares a training. Of the volumes to be validated on nothing is learned.
    ///
    /// # Errors
    /// [`CornError::Data`] for volumes that do not serve: none labelled, an image and its label of
    /// different shape, an intensity out of range, a class beyond the network's, no
    /// foreground, an id that comes twice; [`CornError::Setting`] for settings out of range.
    pub fn new(
        config: SemiConfig,
        labelled: Vec<LabelledVolume>,
        unlabelled: Vec<UnlabelledVolume>,
        validation: Vec<LabelledVolume>,
        seed: Seed,
        device: Device,
    ) -> Result<Self, CornError> {
        config.check(!unlabelled.is_empty())?;
        check_volumes(config.network.classes, &labelled, &unlabelled)?;
        let trained_on = labelled.iter().map(|v| v.id.as_str());
        let trained_on = trained_on.chain(unlabelled.iter().map(|v| v.id.as_str()));
        let validation = Validation::new(validation, &config, trained_on)?;
        seed_initialisation(seed);
        let method = Method::new(config.clone(), labelled.len(), device)?;
        let streams = TwoStreams::new(labelled, unlabelled, &config, seed)?;
        Ok(Self {
            streams,
            method,
            validation,
            device,
        })
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The time spent waiting for crops, for who shows it while the training goes on.
    pub fn data_wait(&self) -> DataWait {
        self.streams.data_wait()
    }

    fn step_loss(&mut self, context: &StepContext, update: u64) -> Result<StepLoss, CornError> {
        let batch = self.streams.batch(context, self.device)?;
        let crops = Crops {
            images: batch.images,
            labels: batch.labels,
            labelled_samples: batch.labelled_samples,
            ids: batch.ids,
        };
        self.method.loss(&crops, context, update)
    }
}

impl Task for SemiTask {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        Ok(self.step_loss(context, context.step)?)
    }

    /// Batches are counted through, updates are not: weights rise by the latter.
    fn micro_loss(
        &mut self,
        context: &StepContext,
        batch: MicroBatch,
    ) -> Result<StepLoss, TaskError> {
        let counted = StepContext {
            step: context.step * batch.count + batch.index,
            total_steps: context.total_steps * batch.count,
            ..*context
        };
        Ok(self.step_loss(&counted, context.step)?)
    }

    fn validate(&mut self, _context: &StepContext) -> Result<Vec<(String, f64)>, TaskError> {
        Ok(self
            .validation
            .figures(self.method.predictor(), self.device)?)
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        self.method.weights()
    }

    fn after_step(&mut self, context: &StepContext) -> Result<(), TaskError> {
        Ok(self.method.after_step(context.step)?)
    }

    fn settle(&mut self, group: &Group) -> Result<(), TrainError> {
        self.method.pool_mut().exchange(group)
    }

    fn memory(&self) -> Vec<(String, Tensor)> {
        self.method.pool().state()
    }

    fn restore_memory(&mut self, tensors: &[(String, Tensor)]) -> Result<(), TaskError> {
        Ok(self.method.pool_mut().restore(tensors)?)
    }
}
