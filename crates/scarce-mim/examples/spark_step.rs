//! SparK's network with weights from elsewhere: what it computes, or how long its steps take. For
//! `benches/peers/mim`, which computes and times the same in PyTorch.
//!
//! ```text
//! spark_step compute ARCHITECTURE IN_CHANNELS FOLDER fp32|fp64
//! spark_step time ARCHITECTURE IN_CHANNELS FOLDER STEPS THREADS fp32|bf16 contiguous|channels-last
//! ```
//!
//! FOLDER holds `weights.safetensors` by SparK's names, and `batches.safetensors` with `x0`, `visible0`, `x1`, ….
//! `compute` writes `computed.safetensors`: the prediction, the loss, every gradient, running statistics and the dense
//! network's deepest map, of the first batch. `time` trains, and writes losses, seconds a step and the process's memory
//! to standard output as JSON.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use scarce_mim::encoder::{Architecture, EncoderConfig};
use scarce_mim::interchange::spark_names;
use scarce_mim::loss::{LossOptions, patchify, reconstruction_loss};
use scarce_mim::sparse::Active;
use scarce_mim::{MimError, SparkModel};
use scarce_train::interchange::{ImportOptions, import_weights};
use scarce_train::native::autocast::Autocast;
use scarce_train::{
    Precision, StepContext, StepLoss, Task, TaskError, channels_last, named_variables,
};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

#[path = "../../scarce-train/examples/timed_steps/mod.rs"]
mod timed_steps;

use timed_steps::Course;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["compute", architecture, in_channels, folder, kind] => {
            let folder = Path::new(folder);
            let mut task = StepTask::new(architecture, in_channels.parse()?, folder, false)?;
            if kind == "fp64" {
                task.store.double();
            }
            task.compute(&folder.join("computed.safetensors"))
        }
        [
            "time",
            architecture,
            in_channels,
            folder,
            steps,
            threads,
            precision,
            layout,
        ] => {
            tch::set_num_threads(threads.parse()?);
            let folder = Path::new(folder);
            let in_last = layout == "channels-last";
            let mut task = StepTask::new(architecture, in_channels.parse()?, folder, in_last)?;
            task.autocast = precision == "bf16";
            let course = Course {
                steps: steps.parse()?,
                precision: Precision::Fp32,
                in_last,
                folder,
            };
            timed_steps::run(task, &course)
        }
        _ => Err("usage: spark_step compute|time ARCHITECTURE IN_CHANNELS FOLDER …".into()),
    }
}

struct StepTask {
    store: VarStore,
    network: SparkModel,
    batches: Vec<(Tensor, Tensor)>,
    autocast: bool,
}

impl StepTask {
    fn new(
        architecture: &str,
        in_channels: i64,
        folder: &Path,
        in_last: bool,
    ) -> Result<Self, Box<dyn Error>> {
        let architecture = Architecture::ALL
            .into_iter()
            .find(|a| a.name() == architecture)
            .ok_or("no such architecture")?;
        let config = EncoderConfig {
            in_channels,
            ..EncoderConfig::named(architecture)
        };
        let store = VarStore::new(Device::Cpu);
        let network = SparkModel::new(&store.root(), &config, SparkModel::DECODER_WIDTH)?;
        import_weights(
            &folder.join("weights.safetensors"),
            &named_variables(&store),
            &spark_names(),
            &ImportOptions::default(),
        )?;
        let tensors = Tensor::read_safetensors(folder.join("batches.safetensors"))?;
        let tensors: BTreeMap<String, Tensor> = tensors.into_iter().collect();
        let mut batches = Vec::new();
        while let (Some(x), Some(visible)) = (
            tensors.get(&format!("x{}", batches.len())),
            tensors.get(&format!("visible{}", batches.len())),
        ) {
            let x = if in_last {
                channels_last(x)?
            } else {
                x.shallow_clone()
            };
            batches.push((x, visible.shallow_clone()));
        }
        Ok(Self {
            store,
            network,
            batches,
            autocast: false,
        })
    }

    /// Prediction and loss.
    fn forward(&self, x: &Tensor, visible: &Tensor) -> Result<(Tensor, Tensor), MimError> {
        let predicted = self.network.forward(x, &Active::new(visible), true)?;
        let predicted = predicted.to_kind(x.kind());
        let hidden = visible.to_kind(Kind::Float).neg() + 1.0;
        let hidden = hidden.flatten(1, -1);
        let loss = reconstruction_loss(
            &patchify(&predicted, self.network.patch())?,
            &patchify(x, self.network.patch())?,
            &hidden,
            &hidden.zeros_like(),
            &LossOptions::SPARK,
        )?;
        Ok((predicted, loss.total))
    }

    fn compute(&mut self, path: &Path) -> Result<(), Box<dyn Error>> {
        let variables = named_variables(&self.store);
        let (x, visible) = &self.batches[0];
        let x = x.to_kind(variables[0].1.kind());
        let dense = tch::no_grad(|| self.network.encoder().forward(&x, None, false))?;
        let (predicted, loss) = self.forward(&x, visible)?;
        loss.backward();
        let mut computed = vec![
            ("predicted".to_owned(), predicted.detach()),
            ("loss".to_owned(), loss.detach()),
        ];
        computed.extend(dense.last().map(|map| ("dense".to_owned(), map.copy())));
        for (name, variable) in variables {
            if variable.requires_grad() {
                computed.push((format!("gradient.{name}"), variable.grad()));
            } else {
                computed.push((name, variable));
            }
        }
        let computed: Vec<(String, Tensor)> = computed
            .into_iter()
            .map(|(name, tensor)| (name, tensor.contiguous()))
            .collect();
        Ok(Tensor::write_safetensors(&computed, path)?)
    }
}

impl Task for StepTask {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        let (x, visible) = &self.batches[context.step as usize % self.batches.len()];
        let guard = self
            .autocast
            .then(|| Autocast::bfloat16(Device::Cpu))
            .transpose()?;
        let (_, total) = self.forward(x, visible)?;
        drop(guard);
        Ok(StepLoss::new(total, vec![]))
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
    }

    fn compute_in(&mut self, precision: Precision) -> bool {
        precision == Precision::Fp32
    }
}
