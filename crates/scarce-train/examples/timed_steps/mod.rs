//! Steps of a training by the loop, each timed, for examples that stand beside a peer.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use scarce_train::image::Seed;
use scarce_train::{
    Existing, GroupsConfig, LoopConfig, OptimizerConfig, Precision, RunFolder, RunManifest,
    Schedule, StepContext, StepLoss, Task, TaskError, run_training,
};
use tch::Tensor;

/// How the peer trains, too.
pub struct Course<'a> {
    /// Steps.
    pub steps: u64,
    /// What the loop is told.
    pub precision: Precision,
    /// Whether channels are innermost in memory.
    pub in_last: bool,
    /// Where the run is written, into `run`.
    pub folder: &'a Path,
}

/// Trains with AdamW, gradients clipped, and writes losses, seconds a step and the process's memory to standard output as
/// JSON. A step's time is from the start of its forward pass to the start of the next one.
pub fn run(task: impl Task, course: &Course<'_>) -> Result<(), Box<dyn Error>> {
    let mut timed = Timed {
        task,
        began: Vec::new(),
        losses: Vec::new(),
        memory: Vec::new(),
    };
    let config = LoopConfig {
        steps: course.steps,
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
        precision: course.precision,
        channels_last: course.in_last,
        checkpoint_every: course.steps,
        log_every: course.steps,
        ..LoopConfig::default()
    };
    let manifest = RunManifest {
        kind: "timed".to_owned(),
        seed: 0,
        device: "cpu".to_owned(),
        threads: tch::get_num_threads(),
        versions: BTreeMap::new(),
        inputs: BTreeMap::new(),
    };
    let path = course.folder.join("run");
    let mut run = RunFolder::open(&path, Existing::Overwrite, "", &manifest)?;
    run_training(&mut timed, &config, &mut run, Seed(0))?;
    let between = timed.began.windows(2).map(|pair| pair[1] - pair[0]);
    let seconds: Vec<f64> = between.map(|time| time.as_secs_f64()).collect();
    let result = serde_json::json!({
        "losses": timed.losses,
        "step_s": seconds,
        "memory": timed.memory,
    });
    serde_json::to_writer(std::io::stdout(), &result)?;
    Ok(())
}

struct Timed<T> {
    task: T,
    began: Vec<Instant>,
    losses: Vec<f64>,
    memory: Vec<BTreeMap<&'static str, u64>>,
}

impl<T: Task> Task for Timed<T> {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        self.memory.push(memory()?);
        self.began.push(Instant::now());
        let loss = self.task.loss(context)?;
        self.losses.push(loss.total.f_double_value(&[])?);
        Ok(loss)
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        self.task.weights()
    }

    fn compute_in(&mut self, precision: Precision) -> bool {
        self.task.compute_in(precision)
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
