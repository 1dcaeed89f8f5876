//! A small network that learns a fixed function of noise, with all that a checkpoint must hold: batch-norm
//! statistics, draws from libtorch's generator, and a memory of the step before.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scarce_train::image::{Seed, StreamKey};
use scarce_train::{
    BufferPolicy, EmaConfig, Existing, Goal, LoopConfig, RunFolder, RunManifest, StepContext,
    StepLoss, Task, TaskError, TrainError, TrainingHooks, TrainingSummary, ValidationConfig,
    named_variables, pytorch_init, run_training_with,
};
use tch::nn::{self, ModuleT as _};
use tch::{Device, Kind, Tensor};

pub const SEED: Seed = Seed(11);

/// libtorch's generator belongs to the process: tests that draw from it take turns.
static GENERATOR: Mutex<()> = Mutex::new(());

pub fn take_turn() -> MutexGuard<'static, ()> {
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

#[derive(Debug)]
pub struct SmallTask {
    pub store: nn::VarStore,
    network: nn::SequentialT,
    last: Tensor,
    /// Steps whose input holds a NaN.
    pub poisoned: Vec<u64>,
    /// A step whose loss is finite, but not its gradient.
    pub poisoned_gradient: Option<u64>,
    /// A step after which a weight that no loss depends on is NaN.
    pub poisoned_weight: Option<u64>,
    poison: Tensor,
    /// A step in which a flag is set.
    pub stop_at: Option<(u64, Arc<AtomicBool>)>,
    /// A step in which a file or a folder is removed.
    pub remove_at: Option<(u64, PathBuf)>,
}

impl SmallTask {
    pub fn new() -> Self {
        tch::manual_seed(SEED.derive(StreamKey {
            epoch: 0,
            sample_id: "",
            purpose: "init",
        }));
        let store = nn::VarStore::new(Device::Cpu);
        let root = store.root();
        let linear = |name, from, to| pytorch_init::linear(&(&root / name), from, to);
        let network = nn::seq_t()
            .add(linear("fc1", 4, 16))
            .add(nn::batch_norm1d(
                &root / "bn",
                16,
                pytorch_init::batch_norm(),
            ))
            .add_fn(Tensor::relu)
            .add(linear("fc2", 16, 1));
        Self {
            store,
            network,
            last: Tensor::zeros([8], CPU),
            poisoned: Vec::new(),
            poisoned_gradient: None,
            poisoned_weight: None,
            poison: Tensor::zeros([1], CPU),
            stop_at: None,
            remove_at: None,
        }
    }

    fn error(&self, input: &Tensor, train: bool) -> Tensor {
        let wanted = input.select(1, 0) * 2.0 - input.select(1, 3);
        let got = self.network.forward_t(input, train).squeeze_dim(1);
        (got - wanted).square().mean(Kind::Float)
    }
}

impl Task for SmallTask {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        let input = Tensor::randn([8, 4], CPU);
        let carried = self.last.mean(Kind::Float) * 0.01;
        self.last = input.select(1, 1);
        let input = if self.poisoned.contains(&context.step) {
            input * f64::NAN
        } else {
            input
        };
        if let Some((step, stop)) = &self.stop_at
            && *step == context.step
        {
            stop.store(true, Ordering::Relaxed);
        }
        if let Some((step, path)) = &self.remove_at
            && *step == context.step
        {
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else {
                fs::remove_file(path)?;
            }
        }
        let mut total = self.error(&input, true) + carried;
        if self.poisoned_gradient == Some(context.step) {
            // The root of zero: its slope is infinite.
            let bias = &self.parameters()[0].1;
            total += (bias - bias.detach()).abs().sqrt().sum(Kind::Float);
        }
        Ok(StepLoss {
            total,
            figures: vec![("carried".to_owned(), carried_value(&self.last))],
            sample_ids: vec![format!("batch-{}", context.step)],
        })
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
            .into_iter()
            .filter(|(_, tensor)| tensor.requires_grad())
            .collect()
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        let mut weights = named_variables(&self.store);
        weights.push(("poison".to_owned(), self.poison.shallow_clone()));
        weights
    }

    fn after_step(&mut self, context: &StepContext) -> Result<(), TaskError> {
        if self.poisoned_weight == Some(context.step) {
            let _ = self.poison.f_fill_(f64::NAN)?;
        }
        Ok(())
    }

    fn validate(&mut self, _context: &StepContext) -> Result<Vec<(String, f64)>, TaskError> {
        let _guard = tch::no_grad_guard();
        let error = self.error(&Tensor::randn([64, 4], CPU), false);
        Ok(vec![(
            "validation_error".to_owned(),
            error.f_double_value(&[])?,
        )])
    }

    fn memory(&self) -> Vec<(String, Tensor)> {
        vec![("last".to_owned(), self.last.shallow_clone())]
    }

    fn restore_memory(&mut self, tensors: &[(String, Tensor)]) -> Result<(), TaskError> {
        let (_, last) = tensors.first().ok_or("no memory")?;
        self.last = last.shallow_clone();
        Ok(())
    }
}

fn carried_value(last: &Tensor) -> f64 {
    last.mean(Kind::Double).double_value(&[])
}

/// AdamW, a cosine, an average of the weights, validation with a best: everything that has a state.
pub fn config(steps: u64) -> LoopConfig {
    LoopConfig {
        steps,
        learning_rate: 0.01,
        ema: Some(EmaConfig {
            decay: 0.9,
            warm_up: true,
            buffers: BufferPolicy::Copy,
        }),
        validation: ValidationConfig {
            every: 7,
            figure: "validation_error".to_owned(),
            goal: Goal::Minimise,
            patience: None,
            on_ema: true,
        },
        weight_decay_end: Some(0.05),
        checkpoint_every: 4,
        ..LoopConfig::default()
    }
}

pub fn train(
    task: &mut SmallTask,
    config: &LoopConfig,
    path: &Path,
    existing: Existing,
    hooks: TrainingHooks<'_>,
) -> Result<TrainingSummary, TrainError> {
    let mut run = open(path, existing)?;
    run_training_with(task, config, &mut run, SEED, hooks)
}

pub fn open(path: &Path, existing: Existing) -> Result<RunFolder, TrainError> {
    let manifest = RunManifest {
        kind: "small".to_owned(),
        seed: SEED.0,
        device: "cpu".to_owned(),
        threads: tch::get_num_threads(),
        versions: BTreeMap::new(),
        inputs: BTreeMap::new(),
    };
    RunFolder::open(path, existing, "", &manifest)
}

/// All that a finished run leaves, by name.
pub fn artefacts(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in ["checkpoints/last", "checkpoints/best", "."] {
        for entry in fs::read_dir(run.join(folder)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let name = format!("{folder}/{}", entry.file_name().display());
                found.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

/// Fails naming the first artefact that differs.
pub fn assert_same(got: &Path, expected: &Path) {
    let (got, expected) = (artefacts(got), artefacts(expected));
    assert_eq!(
        got.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &expected {
        assert!(got[name] == *bytes, "{name} differs");
    }
}
