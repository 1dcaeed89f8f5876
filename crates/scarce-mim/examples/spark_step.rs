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
use std::fs;
use std::path::Path;
use std::time::Instant;

use scarce_mim::encoder::{Architecture, EncoderConfig};
use scarce_mim::interchange::spark_names;
use scarce_mim::loss::{LossOptions, patchify, reconstruction_loss};
use scarce_mim::sparse::Active;
use scarce_mim::{MimError, SparkModel};
use scarce_train::image::Seed;
use scarce_train::interchange::{ImportOptions, import_weights};
use scarce_train::native::autocast::Autocast;
use scarce_train::{
    Existing, GroupsConfig, LoopConfig, OptimizerConfig, Precision, RunFolder, RunManifest,
    Schedule, StepContext, StepLoss, Task, TaskError, channels_last, named_variables, run_training,
};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

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
            task.time(folder, steps.parse()?, precision == "bf16", in_last)
        }
        _ => Err("usage: spark_step compute|time ARCHITECTURE IN_CHANNELS FOLDER …".into()),
    }
}

struct StepTask {
    store: VarStore,
    network: SparkModel,
    batches: Vec<(Tensor, Tensor)>,
    autocast: bool,
    losses: Vec<f64>,
    began: Vec<Instant>,
    memory: Vec<BTreeMap<&'static str, u64>>,
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
            losses: Vec::new(),
            began: Vec::new(),
            memory: Vec::new(),
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

    fn time(
        &mut self,
        folder: &Path,
        steps: u64,
        in_bf16: bool,
        in_last: bool,
    ) -> Result<(), Box<dyn Error>> {
        self.autocast = in_bf16;
        let config = LoopConfig {
            steps,
            // Small, so that rounding does not grow into another course.
            learning_rate: 2e-5,
            schedule: Schedule::Constant,
            optimizer: OptimizerConfig::AdamW {
                beta1: 0.9,
                beta2: 0.999,
                eps: 1e-8,
                weight_decay: 0.01,
            },
            // As PyTorch without parameter groups.
            groups: GroupsConfig {
                decay_norms_and_biases: Some(true),
                ..GroupsConfig::default()
            },
            channels_last: in_last,
            checkpoint_every: steps,
            log_every: steps,
            ..LoopConfig::default()
        };
        let manifest = RunManifest {
            kind: "spark_step".to_owned(),
            seed: 0,
            device: "cpu".to_owned(),
            threads: tch::get_num_threads(),
            versions: BTreeMap::new(),
            inputs: BTreeMap::new(),
        };
        let mut run = RunFolder::open(&folder.join("run"), Existing::Overwrite, "", &manifest)?;
        run_training(self, &config, &mut run, Seed(0))?;
        let seconds: Vec<f64> = self
            .began
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_secs_f64())
            .collect();
        let result = serde_json::json!({
            "losses": self.losses,
            "step_s": seconds,
            "memory": self.memory,
        });
        serde_json::to_writer(std::io::stdout(), &result)?;
        Ok(())
    }
}

impl Task for StepTask {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        self.memory.push(memory()?);
        self.began.push(Instant::now());
        let (x, visible) = &self.batches[context.step as usize % self.batches.len()];
        let guard = self
            .autocast
            .then(|| Autocast::bfloat16(Device::Cpu))
            .transpose()?;
        let (_, total) = self.forward(x, visible)?;
        drop(guard);
        self.losses.push(total.f_double_value(&[])?);
        Ok(StepLoss::new(total, vec![]))
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
    }

    fn compute_in(&mut self, precision: Precision) -> bool {
        precision == Precision::Fp32
    }
}

/// Bytes resident now and at most so far.
fn memory() -> Result<BTreeMap<&'static str, u64>, std::io::Error> {
    let status = fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().next()?.parse::<u64>().ok()
    };
    Ok([("resident", "VmRSS:"), ("peak", "VmHWM:")]
        .into_iter()
        .filter_map(|(key, name)| Some((key, field(name)? * 1024)))
        .collect())
}
