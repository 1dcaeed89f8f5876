//! A network of PyTorch's trained for some steps by the loop, its losses and seconds a step to stdout as JSON:
//! for `benches/peers/train.py`, which trains the same network elsewhere.
//!
//! ```text
//! train_step unet3d|resnet18 FOLDER STEPS THREADS fp32|bf16 contiguous|channels-last
//! ```
//!
//! FOLDER holds `weights.safetensors` by PyTorch's names, and `batches.safetensors` with `x0`, `y0`, `x1`, ….

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use scarce_train::{
    Precision, StepContext, StepLoss, Task, TaskError, channels_last, load_variables,
    named_variables,
};
use tch::nn::{self, Module as _, ModuleT as _};
use tch::{Device, Kind, Reduction, Tensor, vision};

mod timed_steps;

use timed_steps::Course;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [network, folder, steps, threads, precision, layout] = &arguments[..] else {
        return Err("usage: train_step NETWORK FOLDER STEPS THREADS PRECISION LAYOUT".into());
    };
    let (folder, steps) = (Path::new(folder), steps.parse()?);
    tch::set_num_threads(threads.parse()?);
    let in_last = layout == "channels-last";
    let task = StepTask::new(network, folder, in_last)?;
    let precision = if precision == "bf16" {
        Precision::Bf16
    } else {
        Precision::Fp32
    };
    timed_steps::run(
        task,
        &Course {
            steps,
            precision,
            in_last,
            folder,
        },
    )
}

enum Network {
    Volumes(UNet),
    Images(nn::FuncT<'static>),
}

struct StepTask {
    store: nn::VarStore,
    network: Network,
    batches: Vec<(Tensor, Tensor)>,
    precision: Precision,
}

impl StepTask {
    fn new(network: &str, folder: &Path, in_last: bool) -> Result<Self, Box<dyn Error>> {
        let store = nn::VarStore::new(Device::Cpu);
        let network = match network {
            "unet3d" => Network::Volumes(UNet::new(&store.root())),
            "resnet18" => Network::Images(vision::resnet::resnet18(&store.root(), 10)),
            other => return Err(format!("no network `{other}`").into()),
        };
        let weights = Tensor::read_safetensors(folder.join("weights.safetensors"))?;
        load_variables(&named_variables(&store), &weights, "")?;
        let tensors = Tensor::read_safetensors(folder.join("batches.safetensors"))?;
        let tensors: BTreeMap<String, Tensor> = tensors.into_iter().collect();
        let mut batches = Vec::new();
        while let (Some(x), Some(y)) = (
            tensors.get(&format!("x{}", batches.len())),
            tensors.get(&format!("y{}", batches.len())),
        ) {
            let x = if in_last {
                channels_last(x)?
            } else {
                x.shallow_clone()
            };
            batches.push((x, y.shallow_clone()));
        }
        Ok(Self {
            store,
            network,
            batches,
            precision: Precision::Fp32,
        })
    }
}

impl Task for StepTask {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        let (x, y) = &self.batches[context.step as usize % self.batches.len()];
        let logits = match &self.network {
            Network::Volumes(network) => network.forward(x, self.precision),
            Network::Images(network) => network.forward_t(x, true),
        };
        let logits = logits.to_kind(Kind::Float);
        let total = logits.f_cross_entropy_loss(y, None::<Tensor>, Reduction::Mean, -100, 0.0)?;
        Ok(StepLoss::new(total, vec![]))
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
    }

    fn compute_in(&mut self, precision: Precision) -> bool {
        let casts = matches!(self.network, Network::Volumes(_));
        if casts {
            self.precision = precision;
        }
        casts || precision == Precision::Fp32
    }
}

/// Three levels of 16, 32 and 64 channels.
struct UNet {
    blocks: BTreeMap<&'static str, Block>,
    out: nn::Conv3D,
}

impl UNet {
    fn new(root: &nn::Path<'_>) -> Self {
        let block = |(name, from, to, step): (&'static str, i64, i64, Step)| {
            (name, Block::new(&(root / name), from, to, step))
        };
        let blocks = [
            ("enc1a", 1, 16, Step::Same),
            ("enc1b", 16, 16, Step::Same),
            ("down1", 16, 32, Step::Down),
            ("enc2a", 32, 32, Step::Same),
            ("enc2b", 32, 32, Step::Same),
            ("down2", 32, 64, Step::Down),
            ("enc3a", 64, 64, Step::Same),
            ("enc3b", 64, 64, Step::Same),
            ("up2", 64, 32, Step::Up),
            ("dec2", 64, 32, Step::Same),
            ("up1", 32, 16, Step::Up),
            ("dec1", 32, 16, Step::Same),
        ]
        .map(block);
        Self {
            blocks: BTreeMap::from(blocks),
            out: nn::conv3d(root / "out", 16, 2, 1, nn::ConvConfig::default()),
        }
    }

    fn forward(&self, x: &Tensor, precision: Precision) -> Tensor {
        let apply = |names: &[&str], x: &Tensor| {
            names.iter().fold(x.shallow_clone(), |x, name| {
                self.blocks[name].forward(&x, precision)
            })
        };
        let level1 = apply(&["enc1a", "enc1b"], x);
        let level2 = apply(&["down1", "enc2a", "enc2b"], &level1);
        let level3 = apply(&["down2", "enc3a", "enc3b", "up2"], &level2);
        let level2 = apply(&["dec2", "up1"], &Tensor::cat(&[level2, level3], 1));
        let level1 = apply(&["dec1"], &Tensor::cat(&[level1, level2], 1));
        self.out.forward(&level1.to_kind(Kind::Float))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Same,
    Down,
    Up,
}

/// A convolution, batch normalisation and a rectifier.
struct Block {
    weight: Tensor,
    bias: Tensor,
    norm: nn::BatchNorm,
    step: Step,
}

impl Block {
    fn new(path: &nn::Path<'_>, from: i64, to: i64, step: Step) -> Self {
        let conv = path / "conv";
        let shape = match step {
            Step::Same => [to, from, 3, 3, 3],
            Step::Down => [to, from, 2, 2, 2],
            Step::Up => [from, to, 2, 2, 2],
        };
        Self {
            weight: conv.zeros("weight", &shape),
            bias: conv.zeros("bias", &[to]),
            norm: nn::batch_norm3d(path / "norm", to, nn::BatchNormConfig::default()),
            step,
        }
    }

    /// The convolution in bf16 where asked for, as `torch.autocast` casts it.
    fn forward(&self, x: &Tensor, precision: Precision) -> Tensor {
        let kind = match precision {
            Precision::Fp32 => Kind::Float,
            Precision::Bf16 => Kind::BFloat16,
        };
        let (x, w) = (x.to_kind(kind), self.weight.to_kind(kind));
        let b = Some(self.bias.to_kind(kind));
        let x = match self.step {
            Step::Same => x.conv3d(&w, b, [1; 3], [1; 3], [1; 3], 1),
            Step::Down => x.conv3d(&w, b, [2; 3], [0; 3], [1; 3], 1),
            Step::Up => x.conv_transpose3d(&w, b, [2; 3], [0; 3], [0; 3], 1, [1; 3]),
        };
        self.norm.forward_t(&x, true).relu()
    }
}
