//! One training on one process or several, with the same result.
//!
//! ```sh
//! cargo run -p scarce-train --example several_processes -- target/one 50
//! cargo build -p scarce-train --example several_processes
//! cargo xtask launch -n 2 -- target/debug/examples/several_processes target/two 50
//! ```
//!
//! A signal (Ctrl-C, SIGTERM, SIGUSR1) to any process makes all finish their step, save and end with code 130;
//! started again, they go on from there.
//!
//! The arguments are the run folder, the number of steps, and optionally how batch
//! normalisation is done: `none` (there is none), `local` or `synchronised`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example talks to its user"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use scarce_train::distributed::{BatchNormPolicy, Group, batch_norm_over_processes};
use scarce_train::image::Seed;
use scarce_train::{
    Existing, Fault, INTERRUPTED_EXIT_CODE, LoopConfig, OptimizerConfig, RunFolder, RunManifest,
    Schedule, StepContext, StepLoss, Task, TaskError, TrainError, TrainingHooks, named_variables,
    pytorch_init, run_training_with, stop_on_signals,
};
use tch::nn::{self, Module as _, ModuleT as _};
use tch::{Device, Kind, Tensor};

/// In all, on any number of processes; 7 can't be shared evenly by 2.
const BATCH: usize = 7;

struct Arguments {
    out: PathBuf,
    steps: u64,
    norm: Option<BatchNormPolicy>,
    timeout: Duration,
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        eprintln!("usage: several_processes FOLDER STEPS [none|local|synchronised]");
        return ExitCode::from(2);
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(match error.fault() {
                Fault::Interrupted => INTERRUPTED_EXIT_CODE,
                _ => 5,
            })
        }
    }
}

fn arguments() -> Option<Arguments> {
    let mut arguments = std::env::args().skip(1);
    let (out, steps) = (arguments.next()?.into(), arguments.next()?.parse().ok()?);
    let norm = match arguments.next().as_deref() {
        None | Some("none") => None,
        Some("local") => Some(BatchNormPolicy::Local),
        Some("synchronised") => Some(BatchNormPolicy::Synchronised),
        Some(_) => return None,
    };
    let seconds = std::env::var("TIMEOUT_S").ok();
    let timeout = seconds.and_then(|text| text.parse().ok()).unwrap_or(30);
    Some(Arguments {
        out,
        steps,
        norm,
        timeout: Duration::from_secs(timeout),
    })
}

fn run(arguments: &Arguments) -> Result<(), TrainError> {
    let stop = stop_on_signals()?;
    println!("ready");
    let group = Group::from_env(arguments.timeout)?;
    let hooks = TrainingHooks {
        stop: Some(stop),
        processes: Some(&group),
        batch_norm: arguments.norm.unwrap_or_default(),
        ..TrainingHooks::default()
    };
    let result = train(&group, arguments, hooks);
    // After a failure the others report it, and not that this process fell silent.
    group.conclude(result)
}

fn train(group: &Group, arguments: &Arguments, hooks: TrainingHooks<'_>) -> Result<(), TrainError> {
    let config = LoopConfig {
        steps: arguments.steps,
        learning_rate: 0.02,
        schedule: Schedule::Constant,
        optimizer: OptimizerConfig::Sgd {
            momentum: 0.9,
            weight_decay: 0.0,
            nesterov: false,
        },
        ..LoopConfig::default()
    };
    let mut run = if group.is_main() {
        let manifest = RunManifest::default();
        RunFolder::open(&arguments.out, Existing::Continue, "", &manifest)?
    } else {
        RunFolder::follow(&arguments.out, "")
    };
    let mut task = SumOfSquares::new(group, arguments.norm);
    run_training_with(&mut task, &config, &mut run, Seed(1), hooks).map(|_| ())
}

/// Learns the sum of the squares of six numbers.
struct SumOfSquares<'g> {
    group: &'g Group,
    policy: Option<BatchNormPolicy>,
    store: nn::VarStore,
    first: nn::Linear,
    norm: nn::BatchNorm,
    last: nn::Linear,
}

impl<'g> SumOfSquares<'g> {
    fn new(group: &'g Group, policy: Option<BatchNormPolicy>) -> Self {
        // Rank 0's weights count, whatever the others draw.
        tch::manual_seed(i64::from(group.rank()));
        let store = nn::VarStore::new(Device::Cpu);
        let root = store.root();
        Self {
            group,
            policy,
            first: nn::linear(&root / "first", 6, 16, nn::LinearConfig::default()),
            norm: nn::batch_norm1d(&root / "norm", 16, pytorch_init::batch_norm()),
            last: nn::linear(&root / "last", 16, 1, nn::LinearConfig::default()),
            store,
        }
    }

    fn normalise(&self, hidden: Tensor) -> Result<Tensor, TrainError> {
        let norm = &self.norm;
        match (self.policy, &norm.ws, &norm.bs) {
            (Some(BatchNormPolicy::Synchronised), Some(weight), Some(bias)) => {
                batch_norm_over_processes(
                    self.group,
                    &hidden,
                    (weight, bias),
                    (&norm.running_mean, &norm.running_var),
                    0.1,
                    1e-5,
                )
            }
            (Some(_), _, _) => Ok(norm.forward_t(&hidden, true)),
            (None, _, _) => Ok(hidden),
        }
    }
}

impl Task for SumOfSquares<'_> {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        println!("step {}", context.step);
        // Every process draws the whole batch and works on its share.
        let batch = Tensor::randn([BATCH as i64, 6], (Kind::Float, Device::Cpu));
        let share = context.share(BATCH)?;
        let input = batch.narrow(0, share.range.start as i64, share.range.len() as i64);
        let target = input
            .square()
            .sum_dim_intlist([1i64].as_slice(), true, Kind::Float);
        let hidden = self.normalise(self.first.forward(&input))?.tanh();
        let loss = self
            .last
            .forward(&hidden)
            .mse_loss(&target, tch::Reduction::Mean);
        Ok(StepLoss::new(loss * share.loss_weight, Vec::new()))
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
    }
}
