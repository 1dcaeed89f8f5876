//! A detector and its parts with weights and inputs from elsewhere: what they compute and how long it takes. For
//! `benches/peers/detect.py`, which computes and times the same in torchvision.
//!
//! ```text
//! detect_step pool FOLDER ROUNDS THREADS
//! detect_step suppress FOLDER ROUNDS THREADS
//! detect_step train FOLDER STEPS THREADS
//! ```
//!
//! `pool` reads `pool.safetensors` (`map0`, `map1`, …, `regions` of image, level and corners, `weights`), and writes what is
//! pooled and the gradient of its sum by `weights` to `computed.safetensors`; `suppress` reads `boxes`, `scores` and `classes`
//! of `suppress.safetensors`, and writes the indices that stay. Both print seconds of each round as JSON. `train` reads
//! `weights.safetensors` by torchvision's names and `batch.safetensors`, and trains.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use scarce_detect::nms::batched_nms;
use scarce_detect::proposals::ProposalConfig;
use scarce_detect::roi_align::{Level, Region, RoiAlign};
use scarce_detect::{DetectConfig, Images, Instances, MaskRcnn};
use scarce_mim::encoder::{Architecture, EncoderConfig};
use scarce_train::image::{Seed, StreamKey};
use scarce_train::interchange::{ImportOptions, NameTable, import_weights};
use scarce_train::{Precision, StepContext, StepLoss, Task, TaskError, named_variables};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

#[path = "../../scarce-train/examples/timed_steps/mod.rs"]
mod timed_steps;

use timed_steps::Course;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [job, folder, rounds, threads] = &arguments[..] else {
        return Err("usage: detect_step pool|suppress|train FOLDER ROUNDS THREADS".into());
    };
    tch::set_num_threads(threads.parse()?);
    let (folder, rounds) = (Path::new(folder), rounds.parse()?);
    match job.as_str() {
        "pool" => pool(folder, rounds),
        "suppress" => suppress(folder, rounds),
        "train" => {
            let course = Course {
                steps: rounds,
                precision: Precision::Fp32,
                in_last: false,
                folder,
            };
            timed_steps::run(StepTask::new(folder)?, &course)
        }
        other => Err(format!("no job `{other}`").into()),
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, Tensor>, Box<dyn Error>> {
    Ok(Tensor::read_safetensors(path)?.into_iter().collect())
}

/// Forward and backward over a pyramid whose finest map has a cell for 4 pixels.
fn pool(folder: &Path, rounds: u64) -> Result<(), Box<dyn Error>> {
    let inputs = read(&folder.join("pool.safetensors"))?;
    let numbers = Vec::<f32>::try_from(inputs["regions"].flatten(0, -1))?;
    let regions: Vec<Region> = numbers
        .as_chunks::<6>()
        .0
        .iter()
        .map(|[image, level, x1, y1, x2, y2]| Region {
            image: *image as usize,
            level: *level as usize,
            xyxy: [*x1, *y1, *x2, *y2],
        })
        .collect();
    let levels: Vec<Level> = (0..)
        .map_while(|k| inputs.get(&format!("map{k}")))
        .zip([4.0, 8.0, 16.0, 32.0])
        .map(|(map, stride)| Level {
            maps: map.copy().set_requires_grad(true),
            spatial_scale: 1.0 / stride,
        })
        .collect();
    let align = RoiAlign {
        output_yx: [7, 7],
        sampling_ratio: Some(2),
        aligned: false,
    };
    let mut seconds = Vec::new();
    let mut computed = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        let pooled = align.forward(&levels, &regions)?;
        let maps: Vec<&Tensor> = levels.iter().map(|level| &level.maps).collect();
        let sum = (&pooled * &inputs["weights"]).sum(Kind::Float);
        let gradients = Tensor::f_run_backward(&[sum], &maps, false, false)?;
        seconds.push(start.elapsed().as_secs_f64());
        computed = vec![("pooled".to_owned(), pooled.detach().contiguous())];
        computed.extend(
            (gradients.into_iter().enumerate())
                .map(|(k, gradient)| (format!("gradient{k}"), gradient.contiguous())),
        );
    }
    Tensor::write_safetensors(&computed, folder.join("computed.safetensors"))?;
    serde_json::to_writer(std::io::stdout(), &seconds)?;
    Ok(())
}

fn suppress(folder: &Path, rounds: u64) -> Result<(), Box<dyn Error>> {
    let inputs = read(&folder.join("suppress.safetensors"))?;
    let classes = Vec::<i64>::try_from(&inputs["classes"])?;
    let mut seconds = Vec::new();
    let mut kept = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        kept = batched_nms(&inputs["boxes"], &inputs["scores"], &classes, 0.7)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    let computed = [("kept".to_owned(), Tensor::from_slice(&kept))];
    Tensor::write_safetensors(&computed, folder.join("computed.safetensors"))?;
    serde_json::to_writer(std::io::stdout(), &seconds)?;
    Ok(())
}

/// ResNet-18 with every proposal sampled, so that both sides learn from the same.
struct StepTask {
    store: VarStore,
    network: MaskRcnn,
    images: Images,
    instances: Vec<Instances>,
}

impl StepTask {
    fn new(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let config = DetectConfig {
            encoder: EncoderConfig {
                in_channels: 3,
                ..EncoderConfig::named(Architecture::ResNet18)
            },
            proposals: ProposalConfig {
                after_suppression: [500; 2],
                sampled: 1_000_000,
                ..ProposalConfig::default()
            },
            ..DetectConfig::default()
        };
        let store = VarStore::new(Device::Cpu);
        let network = MaskRcnn::new(&store.root(), &config)?;
        import_weights(
            &folder.join("weights.safetensors"),
            &named_variables(&store),
            &NameTable::torchvision(),
            &ImportOptions::default(),
        )?;
        let batch = read(&folder.join("batch.safetensors"))?;
        let pixels = batch["pixels"].copy();
        let (images, _, height, width) = pixels.size4()?;
        let instances = (0..images)
            .map(|k| {
                let part = |name: &str| batch[&format!("{name}{k}")].copy();
                Instances {
                    boxes: part("boxes"),
                    classes: part("labels"),
                    masks: Some(part("masks")),
                }
            })
            .collect();
        Ok(Self {
            store,
            network,
            images: Images {
                sizes_yx: vec![[height, width]; images as usize],
                pixels,
            },
            instances,
        })
    }
}

impl Task for StepTask {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        let mut rngs: Vec<_> = (0..self.instances.len())
            .map(|_| {
                Seed(0).stream(StreamKey {
                    epoch: context.step,
                    sample_id: "",
                    purpose: "boxes",
                })
            })
            .collect();
        let losses = (self.network).losses(&self.images, &self.instances, &mut rngs)?;
        Ok(StepLoss::new(losses.total(), vec![]))
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
    }
}
