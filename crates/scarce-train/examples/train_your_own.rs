//! Trains a tch module of your own: `cargo run -p scarce-train --example train_your_own -- runs/own`.
//! Interrupt it and call it again: it goes on from its last checkpoint, and ends as if nothing had been.

use std::{env, error::Error, path::Path};

use ndarray::{Array3, arr0};
use rand::Rng as _;
use scarce_train::image::Seed;
use scarce_train::loader::{self, Loader, LoaderConfig, Remainder, Sample, Sampler};
use scarce_train::sinks::{Progress, TensorBoard};
use scarce_train::{Existing, LoopConfig, RunFolder, RunManifest, StepContext, StepLoss, Task};
use scarce_train::{TaskError, TrainingSummary, named_variables, run_training};
use tch::{Device, Tensor, nn, nn::Module as _};

struct Classify {
    store: nn::VarStore,
    network: nn::Linear,
    loader: Loader,
}

impl Task for Classify {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        let mut batch = self.loader.batch_for(context)?;
        let image = batch.take("image", Device::Cpu)?;
        let logits = self.network.forward(&image.flatten(1, -1));
        let loss = logits.cross_entropy_for_logits(&batch.take("class", Device::Cpu)?);
        Ok(StepLoss::new(loss, batch.ids()))
    }
    fn weights(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
    }
}

/// Trains into `folder`, or goes on with what lies there.
///
/// # Errors
/// Whatever keeps the run from its end.
pub fn train(folder: &Path, config: &LoopConfig) -> Result<TrainingSummary, Box<dyn Error>> {
    // What a worker thread does: here noise, brighter in the middle of every second image.
    let source = loader::from_fn("blob", 256, |index, context| {
        let (class, mut rng) = (index % 2, context.stream("noise"));
        let image = Array3::from_shape_fn((1, 16, 16), |(_, y, x)| {
            rng.random::<f32>() + f32::from(class == 1 && y.abs_diff(8).max(x.abs_diff(8)) < 4)
        });
        let sample = Sample::new().with("image", image);
        Ok(sample.with("class", arr0(class as i64)))
    });
    let seed = Seed(7);
    tch::manual_seed(7);
    let store = nn::VarStore::new(Device::Cpu);
    let sampler = Sampler::shuffled(256, 16, Remainder::Drop)?;
    let mut task = Classify {
        network: nn::linear(store.root() / "fc", 256, 2, nn::LinearConfig::default()),
        store,
        loader: Loader::new(source, sampler, seed, LoaderConfig::default())?,
    };
    let mut run = RunFolder::open(folder, Existing::Continue, "", &RunManifest::default())?;
    run.add_sink(TensorBoard::new(&folder.join("tensorboard")));
    run.add_sink(Progress::new(config.steps, 10).with_data_wait(task.loader.data_wait()));
    Ok(run_training(&mut task, config, &mut run, seed)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("expected a run folder")?;
    train(Path::new(&folder), &LoopConfig::default()).map(|_| ())
}
