//! The course of a fine-tuning, whatever the task: where it starts, what it is shown, what its run folder tells.

use std::collections::BTreeMap;

use ndarray::Array3;
use scarce_cli::arguments::RunArguments;
use scarce_image::Seed;
use scarce_mim::Intensities;
use scarce_mim::finetune::weights::Weights;
use scarce_train::loader::DataWait;
use scarce_train::{LoopConfig, RunFolder, Task, TrainError};
use serde::Serialize;
use tch::Tensor;

use super::data::Parts;
use super::report::{CLASSES_FILE, Classes, SPLIT_FILE, check_validation, is_done};
use super::{KIND, start};
use crate::surroundings::Surroundings;
use crate::training_run::{open_run, show_progress};

/// A fine-tuning on its way.
pub struct Course<'a> {
    surroundings: &'a Surroundings,
    training: &'a LoopConfig,
    weights: Weights,
}

/// What a run folder tells of its data.
pub struct Told<'a, C> {
    /// The command's arguments.
    pub arguments: &'a RunArguments,
    /// The configuration.
    pub config: &'a C,
    /// Its seed.
    pub seed: Seed,
    /// Files by role.
    pub inputs: BTreeMap<String, Vec<String>>,
    /// What intensities of 0 to 1 become.
    pub intensities: &'a Intensities,
    /// The classes in order.
    pub classes: &'a [String],
    /// Which image is for what.
    pub split: &'a Parts<String>,
}

impl<'a> Course<'a> {
    /// Before any image is read: whether the processes can share a batch, and where the encoder starts.
    pub fn begin(
        surroundings: &'a Surroundings,
        training: &'a LoopConfig,
        batch: usize,
        weights: &str,
    ) -> anyhow::Result<Self> {
        let is_shared = surroundings.processes.share(batch);
        is_shared.map_err(TrainError::from)?;
        Ok(Self {
            surroundings,
            training,
            weights: Weights::named(weights)?,
        })
    }

    /// Tells how images were shared out, and finds what they are shown as: as configured, as the weights were trained, or by the
    /// training images.
    pub fn intensities<'i>(
        &self,
        split: &Parts<String>,
        configured: Option<&Intensities>,
        channels: i64,
        training: impl Iterator<Item = &'i Array3<f32>>,
    ) -> anyhow::Result<Intensities> {
        tracing::info!(
            "{} images to train, {} to validate, {} to report on",
            split.train.len(),
            split.validation.len(),
            split.test.len()
        );
        check_validation(self.training, split.validation.len())?;
        start::intensities(configured, &self.weights, channels, || {
            Ok(Intensities::of(training.map(Ok), channels)?)
        })
    }

    /// Fills the encoder and trains. Gives the run folder where the test part may be looked at.
    pub fn train<C: Serialize>(
        &self,
        task: &mut impl Task,
        encoder: &[(String, Tensor)],
        data_wait: DataWait,
        told: Told<'_, C>,
    ) -> anyhow::Result<Option<RunFolder>> {
        let (processes, training) = (&self.surroundings.processes, self.training);
        start::load(&self.weights, encoder, training)?;
        let Told { config, seed, .. } = told;
        let mut run = open_run(told.arguments, processes, KIND, config, seed.0, told.inputs)?;
        run.write_json(Intensities::FILE, told.intensities)?;
        let classes = told.classes.to_vec();
        run.write_json(CLASSES_FILE, &Classes { classes })?;
        run.write_json(SPLIT_FILE, told.split)?;
        show_progress(&mut run, processes, training, data_wait);
        let summary = self.surroundings.train(task, training, &mut run, seed)?;
        tracing::info!("{summary}");
        Ok((processes.is_main() && is_done(&summary, &run)).then_some(run))
    }
}
