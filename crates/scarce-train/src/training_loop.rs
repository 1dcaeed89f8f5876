//! The loop: seed, loss, checks, backward, update, log, checkpoint.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use scarce_image::{Seed, StreamKey};
use serde::{Deserialize, Serialize};

use crate::{
    Checkpoint, CheckpointState, Optimizer, OptimizerConfig, RunFolder, Schedule, StepContext,
    Task, TrainError, load_variables,
};

/// How long and how to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoopConfig {
    /// Updates to do.
    pub steps: u64,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Its course.
    pub schedule: Schedule,
    /// The optimizer.
    pub optimizer: OptimizerConfig,
    /// Largest norm of all gradients together; larger ones are scaled down to it. 0 for no limit.
    pub clip_gradient_norm: f64,
    /// Steps between checkpoints; one is always written at the end.
    pub checkpoint_every: u64,
    /// Steps between lines of the log; every step goes to `metrics.jsonl`.
    pub log_every: u64,
}

impl Default for LoopConfig {
    fn default() -> Self {
        Self {
            steps: 300,
            learning_rate: 1e-3,
            schedule: Schedule::Cosine {
                warmup_steps: 20,
                start: 0.05,
                end: 0.01,
            },
            optimizer: OptimizerConfig::AdamW {
                beta1: 0.9,
                beta2: 0.999,
                eps: 1e-8,
                weight_decay: 0.01,
            },
            clip_gradient_norm: 5.0,
            checkpoint_every: 100,
            log_every: 25,
        }
    }
}

/// What came of a run; written as `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingSummary {
    /// Steps done, earlier sessions included.
    pub steps: u64,
    /// Loss of the last step; none when this session took no step.
    pub final_loss: Option<f64>,
}

impl fmt::Display for TrainingSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.final_loss {
            Some(loss) => write!(f, "final loss {loss} after {} steps", self.steps),
            None => write!(f, "no step taken, {} done before", self.steps),
        }
    }
}

/// Trains `task` into `run`.
///
/// # Errors
/// [`TrainError::NonFinite`] before a step would spread a NaN; [`TrainError::Task`];
/// [`TrainError::Checkpoint`] when a resumed run finds none that fits.
pub fn run_training(
    task: &mut dyn Task,
    config: &LoopConfig,
    run: &mut RunFolder,
    seed: Seed,
) -> Result<TrainingSummary, TrainError> {
    let mut optimizer = Optimizer::new(config.optimizer, task.parameters());
    let first = if run.resumes() {
        restore(task, &mut optimizer, run, seed)?
    } else {
        0
    };
    let mut final_loss = None;
    let started = Instant::now();
    for step in first..config.steps {
        let context = StepContext {
            step,
            total_steps: config.steps,
            seed,
        };
        tch::manual_seed(seed.derive(StreamKey {
            epoch: step,
            sample_id: "",
            purpose: "libtorch",
        }));
        let task_error = |source| TrainError::Task { step, source };
        let loss = task.loss(&context).map_err(task_error)?;
        let samples = loss.sample_ids.join(", ");
        let finite = |what, value: f64| {
            if value.is_finite() {
                Ok(value)
            } else {
                Err(TrainError::NonFinite {
                    what,
                    step,
                    value,
                    samples: samples.clone(),
                })
            }
        };
        let loss_value = finite("loss", loss.total.f_double_value(&[])?)?;
        final_loss = Some(loss_value);
        optimizer.zero_grad();
        loss.total.f_backward()?;
        let gradient_norm = finite("gradient norm", optimizer.gradient_norm()?)?;
        let limit = config.clip_gradient_norm;
        let scale = if limit > 0.0 && gradient_norm > limit {
            limit / gradient_norm
        } else {
            1.0
        };
        let learning_rate = config.learning_rate * config.schedule.factor(step, config.steps);
        optimizer.step(learning_rate, scale)?;
        task.after_step(&context).map_err(task_error)?;

        let mut figures = vec![("loss".to_owned(), loss_value)];
        figures.extend(loss.figures);
        figures.push(("learning_rate".to_owned(), learning_rate));
        figures.push(("gradient_norm".to_owned(), gradient_norm));
        run.log(step, &figures)?;
        let done = step + 1;
        if done % config.log_every.max(1) == 0 || done == config.steps {
            let seconds = started.elapsed().as_secs_f64() / ((done - first) as f64);
            tracing::info!(
                "step {done}/{}: loss {loss_value:.4}, {seconds:.2} s/step",
                config.steps
            );
        }
        if done % config.checkpoint_every.max(1) == 0 || done == config.steps {
            checkpoint(task, &optimizer, done, seed).save(&run.checkpoints())?;
        }
    }
    if config.steps == 0 {
        // The networks as they were drawn, for controls.
        checkpoint(task, &optimizer, 0, seed).save(&run.checkpoints())?;
    }
    run.write_csv()?;
    let summary = TrainingSummary {
        steps: config.steps.max(first),
        final_loss,
    };
    if first < config.steps {
        run.write_json("summary.json", &summary)?;
    }
    Ok(summary)
}

fn checkpoint(task: &dyn Task, optimizer: &Optimizer, step: u64, seed: Seed) -> Checkpoint {
    Checkpoint {
        groups: BTreeMap::from([
            ("weights".to_owned(), task.weights()),
            ("optimizer".to_owned(), optimizer.state()),
            ("memory".to_owned(), task.memory()),
        ]),
        state: CheckpointState {
            step,
            seed: seed.0,
            threads: tch::get_num_threads(),
            blake3: BTreeMap::new(),
        },
    }
}

fn restore(
    task: &mut dyn Task,
    optimizer: &mut Optimizer,
    run: &mut RunFolder,
    seed: Seed,
) -> Result<u64, TrainError> {
    let folder = run.checkpoints();
    let saved = Checkpoint::load(&folder)?;
    if saved.state.seed != seed.0 {
        return Err(TrainError::Checkpoint {
            message: format!("its seed is {}, the run's is {}", saved.state.seed, seed.0),
            path: folder,
        });
    }
    if saved.state.threads != tch::get_num_threads() {
        tracing::warn!(
            "the checkpoint was made with {} threads, now there are {}: results may differ in the last digits",
            saved.state.threads,
            tch::get_num_threads()
        );
    }
    load_variables(&task.weights(), saved.group("weights")?, "")?;
    let moments = optimizer.state();
    if !moments.is_empty() {
        load_variables(&moments, saved.group("optimizer")?, "")?;
    }
    optimizer.resume_at(saved.state.step);
    let step = saved.state.step;
    let memory = saved
        .groups
        .get("memory")
        .map(Vec::as_slice)
        .unwrap_or_default();
    task.restore_memory(memory)
        .map_err(|source| TrainError::Task { step, source })?;
    run.rewind_metrics(step)?;
    Ok(step)
}
