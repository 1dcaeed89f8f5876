//! The recipe: a student on few labels, a teacher that averages it, and what ties them on the rest.

use rand::seq::SliceRandom as _;
use scarce_train::image::{Seed, StreamKey};
use scarce_train::{
    StepContext, StepLoss, Task, TaskError, ema_decay, ema_update, named_variables, ramp_up,
    tensor_from_array,
};
use tch::{Device, Tensor};

use crate::augment::{CropPlan, random_crop};
use crate::correlation::{CorrelationOptions, confident_voxels, coral_correlation};
use crate::losses::{consistency_mse, cross_entropy, soft_dice_loss};
use crate::pool::FeaturePool;
use crate::vnet::{VNet, VNetOutput, probabilities};
use crate::volumes::{check_volumes, foreground_voxels};
use crate::{Branch, CornError, LabelledVolume, SemiConfig, UnlabelledVolume};

/// One training by the recipe.
#[derive(Debug)]
pub struct SemiTask {
    config: SemiConfig,
    labelled: Vec<LabelledVolume>,
    foreground: Vec<Vec<[usize; 3]>>,
    unlabelled: Vec<UnlabelledVolume>,
    student: Branch,
    teacher: Branch,
    pool: FeaturePool,
    device: Device,
}

impl SemiTask {
    /// Prepares a training; student and teacher start equal.
    ///
    /// # Errors
    /// [`CornError::Data`] for volumes that do not serve: none labelled, an image and its label of
    /// different shape, a class beyond the network's, an id that comes twice;
    /// [`CornError::Setting`] for settings out of range.
    pub fn new(
        config: SemiConfig,
        labelled: Vec<LabelledVolume>,
        unlabelled: Vec<UnlabelledVolume>,
        seed: Seed,
        device: Device,
    ) -> Result<Self, CornError> {
        config.check()?;
        check_volumes(&config, &labelled, &unlabelled)?;
        let foreground = labelled
            .iter()
            .map(|v| foreground_voxels(v.label.view()))
            .collect();
        tch::manual_seed(seed.derive(StreamKey {
            epoch: 0,
            sample_id: "",
            purpose: "init",
        }));
        let student = Branch::new(&config.network, device);
        let mut teacher = Branch::new(&config.network, device);
        teacher.store.copy(&student.store)?;
        teacher.store.freeze();
        let classes = config.network.classes as usize;
        let pool = FeaturePool::new(labelled.len(), classes, config.pool_capacity);
        Ok(Self {
            config,
            labelled,
            foreground,
            unlabelled,
            student,
            teacher,
            pool,
            device,
        })
    }

    /// The averaged network.
    pub fn teacher(&self) -> &VNet {
        &self.teacher.network
    }

    /// The step's crops, labelled ones first.
    fn batch(&self, context: &StepContext) -> Batch {
        let config = &self.config;
        let mut batch = Batch {
            images: vec![],
            labels: vec![],
            ids: vec![],
            samples: vec![],
        };
        for (k, sample) in picks(
            self.labelled.len(),
            config.labelled_batch,
            context,
            "labelled",
        )
        .into_iter()
        .enumerate()
        {
            let volume = &self.labelled[sample];
            let plan = CropPlan {
                patch_zyx: config.patch_zyx,
                foreground: &self.foreground[sample],
                foreground_chance: config.foreground_chance,
            };
            let purpose = format!("labelled crop {k}");
            let mut rng = context.seed.stream(StreamKey {
                epoch: context.step,
                sample_id: &volume.id,
                purpose: &purpose,
            });
            let (image, label) = (volume.image.view(), Some(volume.label.view()));
            let crop = random_crop(image, label, &plan, &config.augment, &mut rng);
            batch.images.push(tensor_from_array(&crop.image));
            if let Some(label) = crop.label {
                batch.labels.push(tensor_from_array(&label.mapv(i64::from)));
            }
            batch.ids.push(volume.id.clone());
            batch.samples.push(sample);
        }
        for (k, sample) in picks(
            self.unlabelled.len(),
            config.unlabelled_batch,
            context,
            "unlabelled",
        )
        .into_iter()
        .enumerate()
        {
            let volume = &self.unlabelled[sample];
            let plan = CropPlan {
                patch_zyx: config.patch_zyx,
                foreground: &[],
                foreground_chance: 0.0,
            };
            let purpose = format!("unlabelled crop {k}");
            let mut rng = context.seed.stream(StreamKey {
                epoch: context.step,
                sample_id: &volume.id,
                purpose: &purpose,
            });
            let crop = random_crop(volume.image.view(), None, &plan, &config.augment, &mut rng);
            batch.images.push(tensor_from_array(&crop.image));
            batch.ids.push(volume.id.clone());
        }
        batch
    }

    fn step_loss(&mut self, context: &StepContext) -> Result<StepLoss, CornError> {
        let batch = self.batch(context);
        let clean = Tensor::f_stack(&batch.images, 0)?
            .f_unsqueeze(1)?
            .to_device(self.device);
        let labelled = batch.labels.len() as i64;
        let unlabelled = batch.images.len() as i64 - labelled;
        let noisy = if unlabelled > 0 {
            let tail = clean.f_narrow(0, labelled, unlabelled)?;
            let noise = (tail.f_randn_like()? * self.config.noise)
                .f_clamp(-2.0 * self.config.noise, 2.0 * self.config.noise)?;
            Tensor::f_cat(&[clean.f_narrow(0, 0, labelled)?, tail + noise], 0)?
        } else {
            clean.shallow_clone()
        };
        let student = self.student.network.forward(&noisy, true)?;
        let teacher = {
            let _guard = tch::no_grad_guard();
            self.teacher.network.forward(&clean, false)?
        };
        let student_p = probabilities(&student.logits);
        let teacher_p = probabilities(&teacher.logits);

        let truth = Tensor::f_stack(&batch.labels, 0)?.to_device(self.device);
        let head = |t: &Tensor| t.f_narrow(0, 0, labelled);
        let dice = soft_dice_loss(&head(&student_p)?, &truth)?;
        let entropy = cross_entropy(&head(&student.logits)?, &truth)?;
        let mut total = (&dice + &entropy) * self.config.supervised_weight;
        let mut figures = vec![
            ("dice_loss".to_owned(), dice.f_double_value(&[])?),
            ("cross_entropy".to_owned(), entropy.f_double_value(&[])?),
        ];
        let ramp = ramp_up(context.step as f64, self.config.ramp_steps);
        if unlabelled > 0 {
            let tail = |t: &Tensor| t.f_narrow(0, labelled, unlabelled);
            let consistency = consistency_mse(&tail(&student_p)?, &tail(&teacher_p)?)?;
            figures.push(("consistency".to_owned(), consistency.f_double_value(&[])?));
            total += consistency * (self.config.consistency_weight * ramp);
        }
        if self.config.coral_weight > 0.0 {
            self.refresh_pool(&batch.samples, &truth, &student_p, &teacher_p, &teacher)?;
            if unlabelled > 0 {
                let tail = |t: &Tensor| t.f_narrow(0, labelled, unlabelled);
                let coral = self.coral(
                    [&tail(&student_p)?, &tail(&teacher_p)?],
                    [&tail(&student.features)?, &tail(&teacher.features)?],
                )?;
                figures.push(("coral".to_owned(), coral.loss.f_double_value(&[])?));
                figures.push(("coral_rows".to_owned(), f64::from(coral.rows)));
                figures.push(("coral_skipped".to_owned(), f64::from(coral.skipped)));
                total += coral.loss * (self.config.coral_weight * ramp);
            }
            figures.push(("pool_rows".to_owned(), self.pool.rows() as f64));
        }
        figures.push(("ramp".to_owned(), ramp));
        Ok(StepLoss {
            total,
            figures,
            sample_ids: batch.ids,
        })
    }

    /// Puts the teacher's features of labelled voxels that both networks got right into the pool.
    fn refresh_pool(
        &mut self,
        samples: &[usize],
        truth: &Tensor,
        student_p: &Tensor,
        teacher_p: &Tensor,
        teacher: &VNetOutput,
    ) -> Result<(), CornError> {
        let _guard = tch::no_grad_guard();
        for (k, sample) in samples.iter().enumerate() {
            let k = k as i64;
            let truth = truth.f_select(0, k)?.f_view([-1])?;
            let label = |p: &Tensor| p.f_select(0, k)?.f_argmax(0, false)?.f_view([-1]);
            let right = label(student_p)?
                .f_eq_tensor(&truth)?
                .f_logical_and(&label(teacher_p)?.f_eq_tensor(&truth)?)?;
            let features = rows(&teacher.features.f_narrow(0, k, 1)?)?;
            for class in 0..self.config.network.classes {
                let chosen = right
                    .f_logical_and(&truth.f_eq(class)?)?
                    .f_nonzero()?
                    .f_view([-1])?;
                let features = features.f_index_select(0, &chosen)?;
                self.pool.refresh(*sample, class as usize, &features)?;
            }
        }
        Ok(())
    }

    fn coral(
        &self,
        [student_p, teacher_p]: [&Tensor; 2],
        [student, teacher]: [&Tensor; 2],
    ) -> Result<crate::correlation::Correlation, CornError> {
        let (student, teacher) = (rows(student)?, rows(teacher)?);
        let mut features = Vec::new();
        let mut anchors = Vec::new();
        for class in 0..self.config.network.classes {
            let chosen = confident_voxels(student_p, teacher_p, class, self.config.voxels)?;
            let of_student = student
                .f_index_select(0, &chosen)?
                .apply(&self.student.projection);
            let _guard = tch::no_grad_guard();
            let of_teacher = teacher
                .f_index_select(0, &chosen)?
                .apply(&self.teacher.projection);
            features.push((of_student, of_teacher));
            anchors.push(
                self.pool
                    .sample(class as usize, self.config.anchors)?
                    .map(|rows| rows.apply(&self.teacher.projection)),
            );
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

    fn memory(&self) -> Vec<(String, Tensor)> {
        self.pool.state()
    }

    fn restore_memory(&mut self, tensors: &[(String, Tensor)]) -> Result<(), TaskError> {
        Ok(self.pool.restore(tensors)?)
    }
}

struct Batch {
    images: Vec<Tensor>,
    labels: Vec<Tensor>,
    ids: Vec<String>,
    samples: Vec<usize>,
}

/// Features `(batch, d, z, y, x)` as rows `(batch·z·y·x, d)`.
fn rows(features: &Tensor) -> Result<Tensor, CornError> {
    let width = features.size()[1];
    Ok(features
        .f_permute([0, 2, 3, 4, 1])?
        .f_reshape([-1, width])?)
}

/// The step's samples of a stream: permutation after permutation of all of them.
fn picks(samples: usize, batch: usize, context: &StepContext, stream: &str) -> Vec<usize> {
    if samples == 0 {
        return Vec::new();
    }
    let first = context.step as usize * batch;
    (first..first + batch)
        .map(|position| {
            let mut order: Vec<usize> = (0..samples).collect();
            order.shuffle(&mut context.seed.stream(StreamKey {
                epoch: (position / samples) as u64,
                sample_id: "",
                purpose: stream,
            }));
            order[position % samples]
        })
        .collect()
}
