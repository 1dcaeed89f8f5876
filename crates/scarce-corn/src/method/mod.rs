//! The method: networks, the terms of their loss, and what they remember of labelled voxels.

mod correlate;
mod networks;
mod terms;

use scarce_train::{StepContext, StepLoss};
use tch::{Device, Tensor};

use crate::losses::{
    consistency_mse, cross_entropy, cross_pseudo, predictive_entropy, sharpened_consistency,
    uncertainty_masked_consistency,
};
use crate::perturbation::{Noisy, with_noise};
use crate::pool::{FeaturePool, PoolSize};
use crate::settings::{ConsistencyForm, CropsOf};
use crate::vnet::{VNet, probabilities};
use crate::{CornError, SemiConfig};
use networks::{Answer, Networks};
use terms::Terms;

/// One step's crops.
#[derive(Debug)]
pub struct Crops {
    /// `(batch, channel, z, y, x)`, labelled crops first.
    pub images: Tensor,
    /// Classes of the labelled crops `(labelled, z, y, x)`, int64.
    pub labels: Tensor,
    /// Of each labelled crop the index of its volume among the labelled ones: its slot in the feature pool.
    pub labelled_samples: Vec<usize>,
    /// Ids of all crops' volumes.
    pub ids: Vec<String>,
}

impl Crops {
    fn labelled(&self) -> i64 {
        self.labelled_samples.len() as i64
    }

    fn unlabelled(&self) -> i64 {
        self.images.size().first().copied().unwrap_or(0) - self.labelled()
    }

    /// The part of `(batch, …)` that a term is of.
    fn of(&self, which: CropsOf, tensor: &Tensor) -> Result<Tensor, CornError> {
        Ok(match which {
            CropsOf::All => tensor.shallow_clone(),
            CropsOf::Unlabelled => tensor.f_narrow(0, self.labelled(), self.unlabelled())?,
        })
    }
}

/// The method, whatever gives it its crops: [`crate::SemiTask`] cuts them out of volumes.
///
/// # A step
/// Networks that are trained see all crops in training mode. The supervised term is of the labelled ones; a consistency of
/// probabilities and one of correlations are added, each by its weight times the ramp. A teacher sees crops without gradient,
/// in the mode that [`crate::teacher::Buffers`] says, and moves towards the student after the step.
#[derive(Debug)]
pub struct Method {
    config: SemiConfig,
    networks: Networks,
    pool: FeaturePool,
}

/// What the networks that are compared say of a batch.
struct Pair<'a> {
    first: &'a Answer,
    second: &'a Answer,
}

impl Method {
    /// Networks as they are drawn, and an empty pool with a slot for each of `samples` labelled volumes. Seed libtorch first.
    ///
    /// # Errors
    /// [`CornError::Setting`] for networks that cannot be built.
    pub fn new(config: SemiConfig, samples: usize, device: Device) -> Result<Self, CornError> {
        let networks = Networks::new(&config, device)?;
        let size = PoolSize {
            samples,
            classes: config.network.classes as usize,
            width: config
                .correlation
                .heads()
                .stored_width(config.network.base_filters),
            capacity: config.correlation.pool.capacity,
        };
        let pool = FeaturePool::new(size, config.correlation.pool.fusion, device);
        Ok(Self {
            config,
            networks,
            pool,
        })
    }

    /// Computes in double from now on, for comparisons with other implementations.
    pub fn double(&mut self) {
        self.networks.double();
    }

    /// The network of that name, see [`crate::Branches::names`].
    pub fn network(&self, name: &str) -> Option<&VNet> {
        self.networks.by_name(name).map(|branch| &branch.network)
    }

    /// The network that predicts.
    pub fn predictor(&self) -> &VNet {
        &self.networks.predictor().network
    }

    /// The variables of each encoder, by their names in it: what pre-trained weights are loaded into.
    pub fn encoders(&self) -> Vec<Vec<(String, Tensor)>> {
        self.networks.encoders()
    }

    /// All variables, each network's under its name.
    pub fn weights(&self) -> Vec<(String, Tensor)> {
        self.networks.weights()
    }

    /// The feature pool.
    pub fn pool(&self) -> &FeaturePool {
        &self.pool
    }

    pub(crate) fn pool_mut(&mut self) -> &mut FeaturePool {
        &mut self.pool
    }

    /// The loss of some crops. `context` keys what is drawn; `update` counts the updates done, by which weights rise.
    ///
    /// Figures: of each term its value before its weight, `<term>_weight` and `<term>_share`, that which it makes of the
    /// total; and what they were made of.
    ///
    /// # Errors
    /// [`CornError::Shape`] for crops that do not fit; [`CornError::Torch`] from libtorch.
    pub fn loss(
        &mut self,
        crops: &Crops,
        context: &StepContext,
        update: u64,
    ) -> Result<StepLoss, CornError> {
        let mut terms = Terms::default();
        let answers = self
            .networks
            .trained(&self.shown_to_trained(crops, context)?)?;
        self.supervised(crops, &answers, &mut terms)?;

        let has_unlabelled = crops.unlabelled() > 0;
        let consistency = &self.config.consistency;
        let is_consistent =
            consistency.weight > 0.0 && (consistency.on == CropsOf::All || has_unlabelled);
        let correlates = self.config.correlation.is_on() && has_unlabelled;
        if is_consistent || correlates {
            let ramp = self.config.ramp.at(update);
            terms.figure("ramp", ramp);
            // Only the pool and a consistency of all want the teacher's word on labelled crops.
            let wanted = if correlates {
                CropsOf::All
            } else {
                consistency.on
            };
            let taught = self.taught(crops, wanted, context)?;
            if is_consistent {
                let term = self.consistency(crops, &answers, taught.as_ref(), context, update)?;
                terms.add("consistency", term, self.config.consistency.weight * ramp);
            }
            if correlates {
                let pair = Pair {
                    first: &answers[0],
                    second: taught
                        .as_ref()
                        .map_or_else(|| &answers[1], |(answer, _)| answer),
                };
                self.refresh_pool(crops, &pair, context)?;
                let found = self.correlate(crops, &pair, context, update)?;
                terms.figure("correlation_rows", f64::from(found.rows));
                terms.figure("correlation_skipped", f64::from(found.skipped));
                terms.figure("pool_rows", self.pool.rows() as f64);
                terms.add(
                    "correlation",
                    found.loss,
                    self.config.correlation.weight * ramp,
                );
            }
        }
        terms.into_loss(crops.ids.clone())
    }

    /// After the update `step`, counted from 0: the teacher follows.
    ///
    /// # Errors
    /// [`CornError::Torch`] from libtorch.
    pub fn after_step(&mut self, step: u64) -> Result<(), CornError> {
        self.networks.follow(step)
    }

    /// The trained networks' input: noise, where it is theirs, on the unlabelled crops.
    fn shown_to_trained(&self, crops: &Crops, context: &StepContext) -> Result<Tensor, CornError> {
        let noise = &self.config.noise;
        let (labelled, unlabelled) = (crops.labelled(), crops.unlabelled());
        if noise.on != Noisy::Student || noise.deviation == 0.0 || unlabelled == 0 {
            return Ok(crops.images.shallow_clone());
        }
        let tail = crops.images.f_narrow(0, labelled, unlabelled)?;
        let of = [context.rank, context.world_size];
        let noisy = with_noise(&tail, noise.deviation, of)?;
        Ok(Tensor::f_cat(
            &[crops.images.f_narrow(0, 0, labelled)?, noisy],
            0,
        )?)
    }

    /// The teacher's input: noise, where it is the teacher's, on all of it.
    fn shown_to_teacher(
        &self,
        images: &Tensor,
        context: &StepContext,
    ) -> Result<Tensor, CornError> {
        let noise = &self.config.noise;
        let deviation = match noise.on {
            Noisy::Teacher => noise.deviation,
            Noisy::Student => 0.0,
        };
        with_noise(images, deviation, [context.rank, context.world_size])
    }

    /// What the teacher says of the crops, and whether of all of them; none where there is no teacher.
    fn taught(
        &self,
        crops: &Crops,
        wanted: CropsOf,
        context: &StepContext,
    ) -> Result<Option<(Answer, CropsOf)>, CornError> {
        let images = crops.of(wanted, &crops.images)?;
        let answer = self
            .networks
            .teacher(|| self.shown_to_teacher(&images, context))?;
        Ok(answer.map(|answer| (answer, wanted)))
    }

    fn supervised(
        &self,
        crops: &Crops,
        answers: &[Answer],
        terms: &mut Terms,
    ) -> Result<(), CornError> {
        let config = &self.config.supervised;
        let labelled = |t: &Tensor| t.f_narrow(0, 0, crops.labelled());
        let (mut dice, mut entropy) = (Vec::new(), Vec::new());
        for answer in answers {
            if config.dice_weight > 0.0 {
                dice.push(config.dice.of(&labelled(&answer.p)?, &crops.labels)?);
            }
            if config.cross_entropy_weight > 0.0 {
                entropy.push(cross_entropy(&labelled(&answer.logits)?, &crops.labels)?);
            }
        }
        let mut sum: Option<Tensor> = None;
        for (name, losses, weight) in [
            ("dice_loss", dice, config.dice_weight),
            ("cross_entropy", entropy, config.cross_entropy_weight),
        ] {
            if losses.is_empty() {
                continue;
            }
            let loss = Tensor::f_stack(&losses, 0)?.f_sum(None)?;
            terms.measure(name, &loss);
            let loss = loss * weight;
            sum = Some(sum.map_or_else(|| loss.shallow_clone(), |sum| sum + &loss));
        }
        if let Some(sum) = sum {
            terms.add("supervised", sum, config.weight);
        }
        Ok(())
    }

    fn consistency(
        &self,
        crops: &Crops,
        answers: &[Answer],
        taught: Option<&(Answer, CropsOf)>,
        context: &StepContext,
        update: u64,
    ) -> Result<Tensor, CornError> {
        let config = &self.config.consistency;
        let of_answers = |part: fn(&Answer) -> &Tensor| -> Result<Vec<Tensor>, CornError> {
            answers
                .iter()
                .map(|a| crops.of(config.on, part(a)))
                .collect()
        };
        let probabilities_of_teacher = || match taught {
            // The teacher was asked of all crops, and the term is of some.
            Some((answer, CropsOf::All)) => crops.of(config.on, &answer.p),
            Some((answer, CropsOf::Unlabelled)) => Ok(answer.p.shallow_clone()),
            None => Err(CornError::setting("branches", "a teacher", "none")),
        };
        match &config.form {
            ConsistencyForm::MeanSquare {} => {
                let student = crops.of(config.on, &answers[0].p)?;
                consistency_mse(&student, &probabilities_of_teacher()?)
            }
            ConsistencyForm::Uncertainty { passes, entropy } => {
                let images = crops.of(config.on, &crops.images)?;
                let mut mean: Option<Tensor> = None;
                for _ in 0..*passes {
                    let pass = self
                        .networks
                        .teacher(|| self.shown_to_teacher(&images, context))?;
                    let Some(pass) = pass else { break };
                    let share = pass.p / f64::from(*passes);
                    mean = Some(mean.map_or_else(|| share.shallow_clone(), |mean| mean + &share));
                }
                let teacher = probabilities_of_teacher()?;
                let uncertainty = predictive_entropy(mean.as_ref().unwrap_or(&teacher))?;
                let threshold = entropy.at(update, self.config.network.classes);
                let student = crops.of(config.on, &answers[0].p)?;
                uncertainty_masked_consistency(&student, &teacher, &uncertainty, threshold)
            }
            ConsistencyForm::CrossPseudo {} => {
                let logits = of_answers(|answer| &answer.logits)?;
                cross_pseudo(&logits.iter().collect::<Vec<_>>())
            }
            ConsistencyForm::Sharpened {
                temperature,
                detach,
            } => {
                let p = of_answers(|answer| &answer.p)?;
                sharpened_consistency(&p.iter().collect::<Vec<_>>(), *temperature, *detach)
            }
        }
    }
}

impl Answer {
    fn of(output: crate::vnet::VNetOutput) -> Self {
        let p = probabilities(&output.logits);
        Self {
            logits: output.logits,
            p,
            features: output.features,
        }
    }
}
