//! Fine-tuning on small images made here: it learns, goes on after a kill as if nothing had been, and refuses what cannot
//! serve.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod classifier;
mod killed;
#[path = "../killing/mod.rs"]
mod killing;
mod layers;
mod pictures;
mod segmenter;
mod weights;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use scarce_train::image::Seed;
use scarce_train::{
    Existing, LoopConfig, RunFolder, RunManifest, Task, TrainError, TrainingSummary, run_training,
};

const SEED: Seed = Seed(4);

/// libtorch's generator belongs to the process: tests that draw from it take turns.
static GENERATOR: Mutex<()> = Mutex::new(());

fn take_turn() -> MutexGuard<'static, ()> {
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Trains into `path`.
fn train(
    task: &mut dyn Task,
    config: &LoopConfig,
    path: &Path,
    existing: Existing,
) -> Result<TrainingSummary, TrainError> {
    let manifest = RunManifest {
        kind: "finetune".to_owned(),
        seed: SEED.0,
        device: "cpu".to_owned(),
        threads: 1,
        versions: BTreeMap::new(),
        inputs: BTreeMap::new(),
    };
    let mut run = RunFolder::open(path, existing, "", &manifest)?;
    run_training(task, config, &mut run, SEED)
}
