//! The recipe: a student on few labels, a teacher that averages it, and what ties them on the rest.

use scarce_train::distributed::Group;
use scarce_train::image::{Seed, StreamKey};
use scarce_train::loader::DataWait;
use scarce_train::pytorch_init::seed_initialisation;
use scarce_train::{
    StepContext, StepLoss, Task, TaskError, TrainError, ema_decay, ema_update, named_variables,
    ramp_up,
};
use tch::{Device, Tensor};

use crate::batches::{Batch, TwoStreams};
use crate::confidence::ConfidenceFilter;
use crate::correlation::{Correlation, CorrelationOptions, PairedFeatures, coral_correlation};
use crate::losses::{consistency_mse, supervised};
use crate::pool::{FeaturePool, PoolSize};
use crate::vnet::{VNet, VNetOutput, probabilities};
use crate::volumes::check_volumes;
use crate::{Branch, CornError, LabelledVolume, SemiConfig, UnlabelledVolume};

/// One training by the recipe.
///
/// Each step: supervised Dice and cross entropy on labelled crops; on unlabelled crops, which the
/// student sees with noise and the teacher without, the mean squared difference of their
/// probabilities and [`coral_correlation`] of their features. Then the teacher's parameters move
/// towards the student's; its batch-norm statistics are copied, and it runs in evaluation mode.
///
/// On several processes each takes an equal part of the labelled and of the unlabelled crops. As where a reference
/// implementation is wrapped in `DistributedDataParallel`, Dice, batch normalisation and the correlation are those
/// of a process's own crops, and gradients are averaged; the feature pool is one, and equal on all.
///
/// Checkpoints hold `student.*` and `teacher.*`; the feature pool is kept as the task's memory.
#[derive(Debug)]
pub struct SemiTask {
    config: SemiConfig,
    streams: TwoStreams,
    student: Branch,
    teacher: Branch,
    pool: FeaturePool,
    device: Device,
}

/// Both networks' answers to a batch, labelled crops first.
struct Answers {
    student: VNetOutput,
    student_p: Tensor,
    teacher: VNetOutput,
    teacher_p: Tensor,
}

impl SemiTask {
    /// Prepares a training; student and teacher start equal.
    ///
    /// # Errors
    /// [`CornError::Data`] for volumes that do not serve: none labelled, an image and its label of
    /// different shape, an intensity that is not in 0 to 1, a class beyond the network's, no
    /// foreground, an id that comes twice; [`CornError::Setting`] for settings out of range.
    pub fn new(
        config: SemiConfig,
        labelled: Vec<LabelledVolume>,
        unlabelled: Vec<UnlabelledVolume>,
        seed: Seed,
        device: Device,
    ) -> Result<Self, CornError> {
        config.check(!unlabelled.is_empty())?;
        check_volumes(config.network.classes, &labelled, &unlabelled)?;
        seed_initialisation(seed);
        let student = Branch::new(&config.network, device)?;
        let mut teacher = Branch::new(&config.network, device)?;
        teacher.store.copy(&student.store)?;
        teacher.store.freeze();
        let size = PoolSize {
            samples: labelled.len(),
            classes: config.network.classes as usize,
            width: config.network.base_filters,
            capacity: config.pool_capacity,
        };
        let streams = TwoStreams::new(labelled, unlabelled, &config, seed)?;
        Ok(Self {
            config,
            streams,
            student,
            teacher,
            pool: FeaturePool::new(size, device),
            device,
        })
    }

    /// The averaged network.
    pub fn teacher(&self) -> &VNet {
        &self.teacher.network
    }

    /// The network that is trained.
    pub fn student(&self) -> &VNet {
        &self.student.network
    }

    /// The time spent waiting for crops, for who shows it while the training goes on.
    pub fn data_wait(&self) -> DataWait {
        self.streams.data_wait()
    }

    fn step_loss(&mut self, context: &StepContext) -> Result<StepLoss, CornError> {
        let batch = self.streams.batch(context, self.device)?;
        let (clean, truth) = (&batch.images, &batch.labels);
        let (labelled, unlabelled) = (batch.labelled(), batch.unlabelled());

        let student = self
            .student
            .network
            .forward(&self.noisy(&batch, context)?, true)?;
        let student_p = probabilities(&student.logits);
        let on_labelled = supervised(
            &student.logits.f_narrow(0, 0, labelled)?,
            &student_p.f_narrow(0, 0, labelled)?,
            truth,
        )?;
        let mut total = on_labelled.sum() * self.config.supervised_weight;
        let mut figures = Figures::default();
        figures.add("dice_loss", on_labelled.dice.f_double_value(&[])?);
        figures.add(
            "cross_entropy",
            on_labelled.cross_entropy.f_double_value(&[])?,
        );

        let correlates = self.config.coral_weight > 0.0;
        if unlabelled > 0 && (correlates || self.config.consistency_weight > 0.0) {
            let ramp = ramp_up(context.step as f64, self.config.ramp_steps);
            figures.add("ramp", ramp);
            // Only the pool wants the teacher's word on labelled crops.
            let first = if correlates { 0 } else { labelled };
            let teacher = {
                let _guard = tch::no_grad_guard();
                let input = clean.f_narrow(0, first, labelled + unlabelled - first)?;
                self.teacher.network.forward(&input, false)?
            };
            let teacher_p = probabilities(&teacher.logits);
            let consistency = consistency_mse(
                &student_p.f_narrow(0, labelled, unlabelled)?,
                &teacher_p.f_narrow(0, labelled - first, unlabelled)?,
            )?;
            figures.add("consistency", consistency.f_double_value(&[])?);
            total += consistency * (self.config.consistency_weight * ramp);
            if correlates {
                let answers = Answers {
                    student,
                    student_p,
                    teacher,
                    teacher_p,
                };
                self.refresh_pool(&batch, truth, &answers, context)?;
                let coral = self.correlate(&batch, &answers, context)?;
                figures.add("coral", coral.loss.f_double_value(&[])?);
                figures.add("coral_rows", f64::from(coral.rows));
                figures.add("coral_skipped", f64::from(coral.skipped));
                figures.add("pool_rows", self.pool.rows() as f64);
                total += coral.loss * (self.config.coral_weight * ramp);
            }
        }
        Ok(StepLoss {
            total,
            figures: figures.0,
            sample_ids: batch.ids,
        })
    }

    /// The student's input: noise on the unlabelled crops, drawn for those of all processes.
    fn noisy(&self, batch: &Batch, context: &StepContext) -> Result<Tensor, CornError> {
        let (clean, labelled, unlabelled) = (&batch.images, batch.labelled(), batch.unlabelled());
        if unlabelled == 0 || self.config.noise == 0.0 {
            return Ok(clean.shallow_clone());
        }
        let tail = clean.f_narrow(0, labelled, unlabelled)?;
        let mut size = tail.size();
        size[0] *= i64::from(context.world_size);
        let noise = Tensor::f_randn(size.as_slice(), (tail.kind(), tail.device()))?.f_narrow(
            0,
            i64::from(context.rank) * unlabelled,
            unlabelled,
        )?;
        let limit = 2.0 * self.config.noise;
        let noise = (noise * self.config.noise).f_clamp(-limit, limit)?;
        Ok(Tensor::f_cat(
            &[clean.f_narrow(0, 0, labelled)?, tail + noise],
            0,
        )?)
    }

    /// Puts the teacher's features of labelled voxels that both networks got right into the pool.
    fn refresh_pool(
        &mut self,
        batch: &Batch,
        truth: &Tensor,
        answers: &Answers,
        context: &StepContext,
    ) -> Result<(), CornError> {
        let _guard = tch::no_grad_guard();
        let labelled = batch.labelled();
        let guess = |p: &Tensor| p.f_narrow(0, 0, labelled)?.f_argmax(1, false);
        let right = guess(&answers.student_p)?
            .f_eq_tensor(truth)?
            .f_logical_and(&guess(&answers.teacher_p)?.f_eq_tensor(truth)?)?;
        for (k, sample) in batch.labelled_samples.iter().enumerate() {
            let at = |t: &Tensor| t.f_select(0, k as i64);
            let (truth, right) = (at(truth)?, at(&right)?);
            let features = at(&answers.teacher.features)?.f_flatten(1, -1)?.f_tr()?;
            let mut rng = stream(context, &batch.ids[k], "pool refresh");
            for class in 0..self.config.network.classes {
                let candidates = right
                    .f_logical_and(&truth.f_eq(class)?)?
                    .f_flatten(0, -1)?
                    .f_nonzero()?
                    .f_view([-1])?;
                let class = class as usize;
                self.pool
                    .refresh(*sample, class, &features, &candidates, &mut rng)?;
            }
        }
        Ok(())
    }

    fn correlate(
        &self,
        batch: &Batch,
        answers: &Answers,
        context: &StepContext,
    ) -> Result<Correlation, CornError> {
        let tail = |t: &Tensor| t.f_narrow(0, batch.labelled(), batch.unlabelled());
        let filter = ConfidenceFilter {
            count: self.config.voxels,
            surest_share: self.config.surest_share,
            threshold: self.config.confidence_threshold,
        };
        let mut rng = stream(context, "", "confidence filter");
        let (student_p, teacher_p) = (tail(&answers.student_p)?, tail(&answers.teacher_p)?);
        let chosen = filter.choose(&student_p, &teacher_p, &mut rng)?;
        let (student, teacher) = (
            tail(&answers.student.features)?,
            tail(&answers.teacher.features)?,
        );
        let mut rng = stream(context, "", "anchors");
        let mut features = Vec::new();
        let mut anchors = Vec::new();
        for (class, chosen) in chosen.iter().enumerate() {
            let of_student = rows_at(&student, chosen)?.apply(&self.student.projection);
            let _guard = tch::no_grad_guard();
            features.push(PairedFeatures {
                student: of_student,
                teacher: rows_at(&teacher, chosen)?.apply(&self.teacher.projection),
            });
            let rows = self.pool.sample(class, self.config.anchors, &mut rng)?;
            anchors.push(rows.map(|rows| rows.apply(&self.teacher.projection)));
        }
        let options = CorrelationOptions {
            groups: self.config.groups,
            temperature: self.config.temperature,
        };
        coral_correlation(&features, &anchors, options)
    }
}

impl Task for SemiTask {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        Ok(self.step_loss(context)?)
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.student.store)
            .into_iter()
            .filter(|(_, t)| t.requires_grad())
            .collect()
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        let of = |prefix: &str, branch: &Branch| -> Vec<(String, Tensor)> {
            named_variables(&branch.store)
                .into_iter()
                .map(|(name, tensor)| (format!("{prefix}.{name}"), tensor))
                .collect()
        };
        let mut weights = of("student", &self.student);
        weights.extend(of("teacher", &self.teacher));
        weights
    }

    fn after_step(&mut self, context: &StepContext) -> Result<(), TaskError> {
        let decay = ema_decay(context.step, self.config.ema_max_decay);
        Ok(ema_update(&self.teacher.store, &self.student.store, decay)?)
    }

    fn settle(&mut self, group: &Group) -> Result<(), TrainError> {
        self.pool.exchange(group)
    }

    fn memory(&self) -> Vec<(String, Tensor)> {
        self.pool.state()
    }

    fn restore_memory(&mut self, tensors: &[(String, Tensor)]) -> Result<(), TaskError> {
        Ok(self.pool.restore(tensors)?)
    }
}

#[derive(Default)]
struct Figures(Vec<(String, f64)>);

impl Figures {
    fn add(&mut self, name: &str, value: f64) {
        self.0.push((name.to_owned(), value));
    }
}

fn stream(context: &StepContext, sample_id: &str, purpose: &str) -> impl rand::Rng + use<> {
    context.seed.stream(StreamKey {
        epoch: context.step,
        sample_id,
        purpose,
    })
}

/// Rows `(n, d)` of features `(batch, d, z, y, x)` at flat indices over `(batch, z, y, x)`; nothing
/// else is copied.
fn rows_at(features: &Tensor, indices: &Tensor) -> Result<Tensor, CornError> {
    let features = features.f_flatten(2, -1)?;
    let voxels = features.size()[2];
    let sample = indices.f_floor_divide_scalar(voxels)?;
    let voxel = indices.f_remainder(voxels)?;
    Ok(features.f_index(&[Some(&sample), None, Some(&voxel)])?)
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    #[test]
    fn rows_are_found_by_flat_index() {
        let features = Tensor::arange(2 * 3 * 8, (Kind::Float, Device::Cpu));
        let features = features.view([2, 3, 2, 2, 2]).set_requires_grad(true);
        let indices = Tensor::from_slice(&[9i64, 0, 15]);
        let rows = rows_at(&features, &indices).unwrap();
        let expected = features
            .permute([0, 2, 3, 4, 1])
            .reshape([-1, 3])
            .index_select(0, &indices);
        assert!(rows.equal(&expected));
        rows.sum(Kind::Float).backward();
        assert_eq!(features.grad().sum(Kind::Float).double_value(&[]), 9.0);
    }
}
