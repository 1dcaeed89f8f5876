//! What a training brings: its loss, its parameters, and what it must not forget.

use scarce_image::Seed;
use tch::Tensor;

use crate::distributed::{Group, Share};
use crate::{LayerDepth, Precision, TaskError, TrainError};

/// Where the loop stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepContext {
    /// The step, from 0.
    pub step: u64,
    /// Steps of the whole run.
    pub total_steps: u64,
    /// The run's seed; draw from `seed.stream(..)`, never from a global generator.
    pub seed: Seed,
    /// This process's number, from 0.
    pub rank: u32,
    /// How many processes train together.
    pub world_size: u32,
}

impl StepContext {
    /// This process's share of a batch of `samples`: all of it for a process on its own. All processes are
    /// asked for the loss of the same batch; a task that works on its share, and multiplies the mean loss of
    /// it by [`Share::loss_weight`], trains as one process with the whole batch would.
    ///
    /// # Errors
    /// [`TrainError::Distributed`] where a process would get none.
    pub fn share(&self, samples: usize) -> Result<Share, TrainError> {
        Ok(Share::of_rank(samples, self.rank, self.world_size)?)
    }
}

/// Which of the batches of one update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MicroBatch {
    /// Its number, from 0.
    pub index: u64,
    /// How many there are.
    pub count: u64,
}

/// The loss of one step.
#[derive(Debug)]
pub struct StepLoss {
    /// A scalar with its graph.
    pub total: Tensor,
    /// Figures to log, as plain numbers: a tensor kept here would keep its graph alive.
    pub figures: Vec<(String, f64)>,
    /// The samples in the batch, named when the step fails.
    pub sample_ids: Vec<String>,
}

impl StepLoss {
    /// A loss without further figures.
    pub fn new(total: Tensor, sample_ids: Vec<String>) -> Self {
        Self {
            total,
            figures: Vec::new(),
            sample_ids,
        }
    }
}

/// A training that [`crate::run_training`] can drive.
pub trait Task {
    /// The loss at one step. libtorch's generator has been seeded for this step.
    ///
    /// # Errors
    /// Whatever keeps the task from a loss; the run stops with nothing updated.
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError>;

    /// The loss of one of several batches whose gradients are averaged for one update
    /// ([`crate::LoopConfig::accumulate`]).
    ///
    /// Unless a task does otherwise, [`Self::loss`] is asked with the batches counted through as steps, so that each
    /// draws its own samples; a task whose loss changes with the step should look at `context.step` here.
    ///
    /// # Errors
    /// As [`Self::loss`].
    fn micro_loss(
        &mut self,
        context: &StepContext,
        batch: MicroBatch,
    ) -> Result<StepLoss, TaskError> {
        self.loss(&StepContext {
            step: context.step * batch.count + batch.index,
            total_steps: context.total_steps * batch.count,
            ..*context
        })
    }

    /// Figures of the network as it stands, such as a Dice coefficient on volumes held out, by the
    /// names they are logged under. libtorch's generator has been seeded.
    ///
    /// # Errors
    /// Whatever keeps the task from them; the run stops.
    fn validate(&mut self, _context: &StepContext) -> Result<Vec<(String, f64)>, TaskError> {
        Ok(Vec::new())
    }

    /// Asks the task to cast what it computes by itself, where libtorch's autocast is out of reach; false
    /// where it cannot.
    fn compute_in(&mut self, precision: Precision) -> bool {
        precision == Precision::Fp32
    }

    /// The layer a parameter belongs to, for [`crate::GroupsConfig::layer_decay`].
    fn layer(&self, _parameter: &str) -> Option<LayerDepth> {
        None
    }

    /// The parameters to train, by unique name: by default those of [`Self::weights`] that take a
    /// gradient.
    fn parameters(&self) -> Vec<(String, Tensor)> {
        let weights = self.weights().into_iter();
        weights.filter(|(_, t)| t.requires_grad()).collect()
    }

    /// Weights and buffers of all networks, by unique name, sharing memory: saved as the group
    /// `weights` and copied back on resume.
    fn weights(&self) -> Vec<(String, Tensor)>;

    /// After the parameters moved, such as a teacher's update.
    ///
    /// # Errors
    /// Whatever went wrong; the run stops.
    fn after_step(&mut self, _context: &StepContext) -> Result<(), TaskError> {
        Ok(())
    }

    /// On several processes, after [`Self::after_step`]: makes equal on all what [`Self::memory`] keeps, since rank 0
    /// alone writes it down. Weights need no such thing, and running statistics are settled by the loop.
    ///
    /// # Errors
    /// [`TrainError::Distributed`] where another process is lost; the run stops.
    fn settle(&mut self, _group: &Group) -> Result<(), TrainError> {
        Ok(())
    }

    /// Tensors beside the weights that a resumed run needs, of any shape: saved as the group
    /// `memory`.
    fn memory(&self) -> Vec<(String, Tensor)> {
        Vec::new()
    }

    /// Takes back what [`Self::memory`] gave.
    ///
    /// # Errors
    /// When the tensors do not fit the task.
    fn restore_memory(&mut self, _tensors: &[(String, Tensor)]) -> Result<(), TaskError> {
        Ok(())
    }
}
