//! One training on one process or several, with the same result.
//!
//! ```sh
//! cargo run -p scarce-train --example several_processes -- target/one 50
//! cargo build -p scarce-train --example several_processes
//! cargo xtask launch -n 2 -- target/debug/examples/several_processes target/two 50
//! ```
//!
//! A signal (Ctrl-C, SIGTERM, SIGUSR1) to any process makes all finish their step, save and end with code 130.
//!
//! The arguments are a folder for `weights.safetensors`, the number of steps, and optionally how batch
//! normalisation is done: `none` (there is none), `local` or `synchronised`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example talks to its user"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use scarce_train::distributed::{
    BatchNormPolicy, GradientAverager, Group, batch_norm_over_processes, settle_buffers,
};
use scarce_train::{
    INTERRUPTED_EXIT_CODE, TrainError, named_variables, pytorch_init, stop_on_signals,
};
use tch::nn::{self, Module as _, ModuleT as _, OptimizerConfig as _};
use tch::{Device, Kind, Tensor};

/// In all, on any number of processes; 7 can't be shared evenly by 2.
const BATCH: i64 = 7;

struct Arguments {
    out: PathBuf,
    steps: u64,
    norm: Option<BatchNormPolicy>,
    timeout: Duration,
}

enum Ending {
    Done,
    Interrupted,
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        eprintln!("usage: several_processes FOLDER STEPS [none|local|synchronised]");
        return ExitCode::from(2);
    };
    match run(&arguments) {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Interrupted) => ExitCode::from(INTERRUPTED_EXIT_CODE),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(5)
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

fn run(arguments: &Arguments) -> Result<Ending, TrainError> {
    let stop = stop_on_signals()?;
    println!("ready");
    let group = Group::from_env(arguments.timeout)?;
    match train(&group, arguments, &stop) {
        Ok(ending) => {
            group.finish()?;
            Ok(ending)
        }
        Err(error) => {
            // The others then report this error, and not that this process fell silent.
            group.abandon(&error.to_string());
            Err(error)
        }
    }
}

fn train(group: &Group, arguments: &Arguments, stop: &AtomicBool) -> Result<Ending, TrainError> {
    // Rank 0's weights count, whatever the others draw.
    tch::manual_seed(i64::from(group.rank()));
    let store = nn::VarStore::new(Device::Cpu);
    let root = store.root();
    let first = nn::linear(&root / "first", 6, 16, nn::LinearConfig::default());
    let norm = nn::batch_norm1d(&root / "norm", 16, pytorch_init::batch_norm());
    let last = nn::linear(&root / "last", 16, 1, nn::LinearConfig::default());
    let variables: Vec<Tensor> = tensors(&store, |_| true);
    group.broadcast(&variables)?;

    let parameters = tensors(&store, Tensor::requires_grad);
    let mut averager =
        GradientAverager::new(group, &parameters, GradientAverager::DEFAULT_BUCKET_BYTES)?;
    let mut optimizer = nn::sgd(0.9, 0.0, 0.0, false).build(&store, 0.02)?;
    let mut ending = Ending::Done;
    for step in 0..arguments.steps {
        group.at_step(step);
        // A signal comes to one process at one moment: all must stop at the same step.
        if group.any(stop.load(Ordering::Relaxed))? {
            ending = Ending::Interrupted;
            break;
        }
        // Every process draws the whole batch and works on its share.
        tch::manual_seed(1000 + step as i64);
        let batch = Tensor::randn([BATCH, 6], (Kind::Float, Device::Cpu));
        let share = group.share(BATCH as usize)?;
        let input = batch.narrow(0, share.range.start as i64, share.range.len() as i64);
        let target = input
            .square()
            .sum_dim_intlist([1i64].as_slice(), true, Kind::Float);

        let hidden = first.forward(&input);
        let hidden = match (arguments.norm, &norm.ws, &norm.bs) {
            (Some(BatchNormPolicy::Synchronised), Some(weight), Some(bias)) => {
                batch_norm_over_processes(
                    group,
                    &hidden,
                    (weight, bias),
                    (&norm.running_mean, &norm.running_var),
                    0.1,
                    1e-5,
                )?
            }
            (Some(_), _, _) => norm.forward_t(&hidden, true),
            (None, _, _) => hidden,
        };
        let loss = last
            .forward(&hidden.tanh())
            .mse_loss(&target, tch::Reduction::Mean)
            * share.loss_weight;
        optimizer.zero_grad();
        averager.backward(&loss)?;
        optimizer.step();
        println!("step {step}");
    }

    if let Some(policy) = arguments.norm {
        settle_buffers(
            group,
            policy,
            &tensors(&store, |tensor| !tensor.requires_grad()),
        )?;
    }
    if group.is_main() {
        std::fs::create_dir_all(&arguments.out).map_err(|source| TrainError::Io {
            what: "cannot create the folder",
            source,
            path: arguments.out.clone(),
        })?;
        let path = arguments.out.join("weights.safetensors");
        Tensor::write_safetensors(&named_variables(&store), path)?;
    }
    Ok(ending)
}

fn tensors(store: &nn::VarStore, is_meant: impl Fn(&Tensor) -> bool) -> Vec<Tensor> {
    let all = named_variables(store).into_iter().map(|(_, tensor)| tensor);
    all.filter(is_meant).collect()
}
