//! Accumulated batches, and layouts, give the updates of one batch in one layout.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod small;

use scarce_train::{
    Existing, LoopConfig, MicroBatch, OptimizerConfig, StepContext, StepLoss, Task, TaskError,
    named_variables, run_training,
};
use small::take_turn;
use tch::nn::{self, Module as _};
use tch::{Device, Kind, Tensor};

const BATCH: i64 = 8;

/// Convolutions without statistics over the batch, on eight images that are drawn anew each step.
struct Convolutions {
    store: nn::VarStore,
    network: nn::Sequential,
    /// Steps that `loss` was asked for.
    asked: Vec<u64>,
}

impl Convolutions {
    fn new() -> Self {
        tch::manual_seed(2);
        let store = nn::VarStore::new(Device::Cpu);
        let root = store.root();
        let config = nn::ConvConfig {
            padding: 1,
            ..nn::ConvConfig::default()
        };
        let network = nn::seq()
            .add(nn::conv2d(&root / "conv1", 3, 6, 3, config))
            .add_fn(Tensor::tanh)
            .add(nn::conv2d(&root / "conv2", 6, 2, 3, config));
        Self {
            store,
            network,
            asked: Vec::new(),
        }
    }

    fn part(&self, step: u64, from: i64, length: i64) -> StepLoss {
        tch::manual_seed(100 + step as i64);
        let images = Tensor::randn([BATCH, 3, 5, 7], (Kind::Float, Device::Cpu));
        let images = images.narrow(0, from, length);
        let output = self.network.forward(&images);
        let total = (output - images.narrow(1, 0, 2)).square().mean(Kind::Float);
        StepLoss {
            figures: vec![("half".to_owned(), total.double_value(&[]) / 2.0)],
            total,
            sample_ids: vec![],
        }
    }
}

impl Task for Convolutions {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        self.asked.push(context.step);
        Ok(self.part(context.step, 0, BATCH))
    }

    fn micro_loss(
        &mut self,
        context: &StepContext,
        batch: MicroBatch,
    ) -> Result<StepLoss, TaskError> {
        let length = BATCH / batch.count as i64;
        Ok(self.part(context.step, batch.index as i64 * length, length))
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
    }
}

/// The same, but says nothing of batches.
struct Plain(Convolutions);

impl Task for Plain {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        self.0.loss(context)
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.0.parameters()
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        self.0.weights()
    }
}

/// The weights after twelve steps, and the rows of the log.
fn trained(task: &mut dyn Task, accumulate: u64, channels_last: bool) -> (Vec<f64>, String) {
    let folder = tempfile::tempdir().unwrap();
    let config = LoopConfig {
        steps: 12,
        accumulate,
        channels_last,
        learning_rate: 0.05,
        optimizer: OptimizerConfig::Sgd {
            momentum: 0.9,
            weight_decay: 1e-4,
            nesterov: true,
        },
        ..LoopConfig::default()
    };
    let path = folder.path().join("run");
    let mut run = small::open(&path, Existing::Refuse).unwrap();
    run_training(task, &config, &mut run, small::SEED).unwrap();
    let values = task
        .weights()
        .iter()
        .flat_map(|(_, t)| Vec::<f64>::try_from(t.detach().contiguous().view([-1])).unwrap())
        .collect();
    let rows = std::fs::read_to_string(path.join("metrics.jsonl")).unwrap();
    (values, rows)
}

#[test]
fn shares_of_a_batch_update_as_the_batch_does() {
    let _turn = take_turn();
    let (expected, _) = trained(&mut Convolutions::new(), 1, false);
    for (accumulate, channels_last) in [(2, false), (4, false), (8, false), (1, true), (4, true)] {
        let mut task = Convolutions::new();
        let (got, rows) = trained(&mut task, accumulate, channels_last);
        for (got, expected) in got.iter().zip(&expected) {
            assert!(
                (got - expected).abs() < 2e-6,
                "{accumulate} batches, channels last {channels_last}: {got} against {expected}"
            );
        }
        if channels_last {
            let (_, weight) = &task.weights()[3];
            assert_eq!(weight.stride(), [54, 1, 18, 6], "the layout is kept");
        }
        for row in rows.lines() {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            let (loss, half) = (row["loss"].as_f64().unwrap(), row["half"].as_f64().unwrap());
            assert!(
                (loss - 2.0 * half).abs() < 1e-12,
                "figures are averaged, too"
            );
        }
    }
}

#[test]
fn batches_are_counted_through_where_a_task_says_nothing_else() {
    let _turn = take_turn();
    let mut task = Plain(Convolutions::new());
    trained(&mut task, 3, false);
    assert_eq!(task.0.asked, (0..36).collect::<Vec<u64>>());
}
