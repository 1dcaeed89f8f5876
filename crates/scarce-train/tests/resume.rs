//! A run that stops and resumes ends byte for byte where one that never stopped does.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use scarce_train::image::Seed;
use scarce_train::{
    Existing, LoopConfig, OptimizerConfig, RunFolder, RunManifest, StepContext, StepLoss, Task,
    TaskError, TrainError, named_variables, run_training,
};
use tch::nn::{self, Module as _};
use tch::{Device, Kind, Tensor};

/// libtorch's generator belongs to the process: tests that draw from it take turns.
static GENERATOR: Mutex<()> = Mutex::new(());

fn take_turn() -> MutexGuard<'static, ()> {
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fits a small network to noise drawn from libtorch's generator; its memory holds the last input.
struct Noise {
    store: nn::VarStore,
    network: nn::Linear,
    last: Tensor,
    poison_at: Option<u64>,
}

impl Noise {
    fn new() -> Self {
        tch::manual_seed(5);
        let store = nn::VarStore::new(Device::Cpu);
        let network = nn::linear(store.root() / "fc", 4, 1, nn::LinearConfig::default());
        Self {
            store,
            network,
            last: Tensor::zeros([3], (Kind::Float, Device::Cpu)),
            poison_at: None,
        }
    }
}

impl Task for Noise {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        let input = Tensor::randn([3, 4], (Kind::Float, Device::Cpu));
        let remembered = self.last.mean(Kind::Float);
        self.last = input.select(1, 0);
        let mut total = (self.network.forward(&input) - remembered)
            .square()
            .mean(Kind::Float);
        if self.poison_at == Some(context.step) {
            total *= f64::NAN;
        }
        Ok(StepLoss {
            total,
            figures: vec![],
            sample_ids: vec!["scan-7".to_owned()],
        })
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
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

fn train(task: &mut Noise, path: &Path, existing: Existing, steps: u64) -> Result<f64, TrainError> {
    let config = LoopConfig {
        steps,
        schedule: scarce_train::Schedule::Constant,
        optimizer: OptimizerConfig::Sgd {
            momentum: 0.9,
            weight_decay: 0.0,
            nesterov: false,
        },
        ..LoopConfig::default()
    };
    let manifest = RunManifest {
        kind: "noise".to_owned(),
        seed: 3,
        device: "cpu".to_owned(),
        threads: tch::get_num_threads(),
        versions: BTreeMap::new(),
        inputs: BTreeMap::new(),
    };
    let mut run = RunFolder::open(path, existing, "", &manifest)?;
    let summary = run_training(task, &config, &mut run, Seed(3))?;
    Ok(summary.final_loss.unwrap())
}

fn bytes(run: &Path) -> Vec<Vec<u8>> {
    [
        "weights.safetensors",
        "optimizer.safetensors",
        "memory.safetensors",
        "state.json",
        "state.blake3",
    ]
    .iter()
    .map(|name| run.join("checkpoints/last").join(name))
    .chain([
        run.join("metrics.jsonl"),
        run.join("metrics.csv"),
        run.join("summary.json"),
    ])
    .map(|path| fs::read(path).unwrap())
    .collect()
}

#[test]
fn stopping_and_resuming_changes_no_byte() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    train(&mut Noise::new(), &whole, Existing::Refuse, 12).unwrap();
    train(&mut Noise::new(), &parts, Existing::Refuse, 5).unwrap();
    train(&mut Noise::new(), &parts, Existing::Resume, 12).unwrap();
    assert_eq!(bytes(&whole), bytes(&parts));
    assert!(matches!(
        train(&mut Noise::new(), &whole, Existing::Refuse, 12),
        Err(TrainError::RunExists { .. })
    ));
}

#[test]
fn a_damaged_checkpoint_is_named() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    train(&mut Noise::new(), &run, Existing::Refuse, 3).unwrap();
    let weights = run.join("checkpoints/last/weights.safetensors");
    let mut content = fs::read(&weights).unwrap();
    *content.last_mut().unwrap() ^= 1;
    fs::write(&weights, content).unwrap();
    let message = train(&mut Noise::new(), &run, Existing::Resume, 6)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("BLAKE3") && message.contains("weights.safetensors"),
        "{message}"
    );
}

#[test]
fn a_loss_that_is_not_finite_stops_before_the_update() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let mut task = Noise::new();
    task.poison_at = Some(2);
    let error = train(&mut task, folder.path(), Existing::Overwrite, 6).unwrap_err();
    assert_eq!(error.fault(), scarce_train::Fault::Numeric);
    assert!(error.to_string().contains("scan-7"), "{error}");
    for (name, tensor) in named_variables(&task.store) {
        assert!(bool::try_from(tensor.isfinite().all()).unwrap(), "{name}");
    }
}
