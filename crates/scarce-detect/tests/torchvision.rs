//! Every part, and the whole network's losses, gradients and detections, beside torchvision's.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use scarce_detect::nms::{batched_nms, nms};
use scarce_detect::proposals::ProposalConfig;
use scarce_detect::regions::{RegionConfig, pasted};
use scarce_detect::roi_align::{Level, Region, RoiAlign};
use scarce_detect::{DetectConfig, Images, Instances, MaskRcnn};
use scarce_mim::encoder::{Architecture, EncoderConfig};
use scarce_train::image::{Seed, StreamKey};
use scarce_train::named_variables;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// `tests/data/mask_rcnn.py` makes them.
fn golden() -> BTreeMap<String, Tensor> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mask_rcnn.safetensors");
    Tensor::read_safetensors(path)
        .unwrap()
        .into_iter()
        .collect()
}

fn numbers(count: i64) -> Tensor {
    Tensor::arange(count, (Kind::Double, Device::Cpu))
}

fn wave(count: i64, pace: f64, phase: f64) -> Tensor {
    (numbers(count) * pace + phase).sin()
}

/// Evenly from -1 to 1, as good as drawn.
fn noise(count: i64, phase: f64) -> Tensor {
    let values = (numbers(count) * 12.9898 + phase).sin() * 43758.5453;
    (&values - values.floor()) * 2.0 - 1.0
}

fn probes(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.detach().to_kind(Kind::Double).flatten(0, -1);
    let products = (0..3).map(|k| {
        let k = f64::from(k);
        let wave = wave(flat.numel() as i64, 0.9 * (k + 1.0), 0.3 * k);
        flat.dot(&wave).double_value(&[])
    });
    [flat.norm().double_value(&[])]
        .into_iter()
        .chain(products)
        .collect()
}

fn boxes_in(count: i64, height: f64, width: f64, phase: f64) -> Tensor {
    let at = |pace: f64, side: f64| (wave(count, pace, phase) + 1.0) * side / 2.0;
    let half = |pace: f64, side: f64| (wave(count, pace, phase).square() * side * 0.6 + 0.3) / 2.0;
    let (x, y) = (at(2.1, width), at(1.7, height));
    let (w, h) = (half(3.3, width), half(0.7, height));
    Tensor::stack(&[&x - &w, &y - &h, &x + &w, &y + &h], 1).to_kind(Kind::Float)
}

#[track_caller]
fn close(what: &str, got: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(got.size(), expected.size(), "{what}");
    let apart = (got.to_kind(Kind::Double) - expected.to_kind(Kind::Double)).abs();
    let apart = if apart.numel() == 0 {
        0.0
    } else {
        apart.max().double_value(&[])
    };
    assert!(apart <= tolerance, "{what}: {apart} off");
}

#[test]
fn regions_are_pooled_alike() {
    let golden = golden();
    let maps = wave(2 * 3 * 9 * 11, 0.9, 0.0).view([2, 3, 9, 11]);
    let boxes = Vec::<f32>::try_from(boxes_in(8, 36.0, 44.0, 0.2).view([-1])).unwrap();
    let regions: Vec<Region> = boxes
        .as_chunks::<4>()
        .0
        .iter()
        .enumerate()
        .map(|(k, xyxy)| Region {
            image: k % 2,
            level: 0,
            xyxy: *xyxy,
        })
        .collect();
    for (aligned, name) in [(false, "False"), (true, "True")] {
        for ratio in [-1, 1, 2, 3] {
            let align = RoiAlign {
                output_yx: [2, 3],
                sampling_ratio: usize::try_from(ratio).ok(),
                aligned,
            };
            let maps = maps.to_kind(Kind::Float).set_requires_grad(true);
            let level = Level {
                maps: maps.shallow_clone(),
                spatial_scale: 0.25,
            };
            let pooled = align.forward(&[level], &regions).unwrap();
            let what = format!("roi_align.{name}.{ratio}");
            close(&what, &pooled, &golden[&what], 1e-5);
            let weights = wave(pooled.numel() as i64, 1.1, 0.0).view_as(&pooled);
            (&pooled * weights).sum(Kind::Double).backward();
            let gradient = &golden[&format!("{what}.gradient")];
            close(&what, &maps.grad(), gradient, 1e-5);
        }
    }
}

#[test]
fn the_same_boxes_stay() {
    let golden = golden();
    let boxes = boxes_in(400, 90.0, 120.0, 0.4);
    let scores = wave(400, 5.1, 0.1).to_kind(Kind::Float);
    let classes: Vec<i64> = (0..400).map(|k| k % 3).collect();
    for threshold in [0.3, 0.5, 0.7] {
        let expected = |name: &str| Vec::<i64>::try_from(&golden[&format!("{name}.{threshold}")]);
        let kept = nms(&boxes, &scores, threshold).unwrap();
        assert_eq!(kept, expected("nms").unwrap(), "{threshold}");
        let kept = batched_nms(&boxes, &scores, &classes, threshold).unwrap();
        assert_eq!(kept, expected("batched_nms").unwrap(), "{threshold}");
    }
}

fn fill(variables: &[(String, Tensor)]) {
    let _guard = tch::no_grad_guard();
    for (name, tensor) in variables {
        if name.contains("running") {
            continue;
        }
        let phase: u32 = name.bytes().map(u32::from).sum::<u32>() % 101;
        let values = noise(tensor.numel() as i64, f64::from(phase)).view_as(tensor);
        let values = if tensor.dim() > 1 {
            let answers = name.contains("bbox_pred") || name.contains("cls_");
            let scale = (6.0 * tensor.size()[0] as f64 / tensor.numel() as f64).sqrt();
            values * scale * if answers { 0.05 } else { 1.0 }
        } else if name.ends_with("weight") {
            values * 0.2 + 1.0
        } else {
            values * 0.1
        };
        tensor.shallow_clone().copy_(&values);
    }
}

fn images() -> Images {
    let pixels = noise(2 * 3 * 128 * 160, 0.5).view([2, 3, 128, 160]);
    Images {
        pixels: pixels.to_kind(Kind::Float),
        sizes_yx: vec![[128, 160], [100, 140]],
    }
}

fn instances() -> Vec<Instances> {
    let options = (Kind::Float, Device::Cpu);
    let masks = Tensor::zeros([2, 128, 160], options);
    for (k, [top, bottom, left, right]) in [[35, 85, 25, 60], [10, 50, 100, 150]]
        .into_iter()
        .enumerate()
    {
        let rows = masks.get(k as i64).narrow(0, top, bottom - top);
        let _ = rows.narrow(1, left, right - left).fill_(1.0);
    }
    let boxes = [20f32, 30.0, 70.0, 90.0, 90.0, 10.0, 150.5, 55.0];
    let some = Instances {
        boxes: Tensor::from_slice(&boxes).view([2, 4]),
        classes: Tensor::from_slice(&[1i64, 2]),
        masks: Some(masks),
    };
    let none = Instances {
        boxes: Tensor::zeros([0, 4], options),
        classes: Tensor::zeros([0], (Kind::Int64, Device::Cpu)),
        masks: Some(Tensor::zeros([0, 100, 140], options)),
    };
    vec![some, none]
}

/// Every tensor of the network that torchvision has weights for, by name and shape, and none beside them.
///
/// ```python
/// net = torchvision.models.detection.maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=91)  # 0.26
/// {k: list(v.shape) for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
/// ```
#[test]
fn weights_have_torchvisions_layout() {
    let text = include_str!("data/maskrcnn_resnet50_fpn.json");
    let expected: BTreeMap<String, Vec<i64>> = serde_json::from_str(text).unwrap();
    let config = DetectConfig {
        encoder: EncoderConfig {
            in_channels: 3,
            ..EncoderConfig::named(Architecture::ResNet50)
        },
        regions: RegionConfig {
            classes: 91,
            ..RegionConfig::default()
        },
        ..DetectConfig::default()
    };
    let store = VarStore::new(Device::Cpu);
    let _network = MaskRcnn::new(&store.root(), &config).unwrap();
    let variables = named_variables(&store).into_iter();
    let found: BTreeMap<_, _> = variables.map(|(name, t)| (name, t.size())).collect();
    assert_eq!(found, expected);
}

/// One step's losses and gradients, and what is found afterwards, running statistics moved.
#[test]
fn the_network_is_torchvisions() {
    let golden = golden();
    let config = DetectConfig {
        encoder: EncoderConfig {
            in_channels: 3,
            ..EncoderConfig::named(Architecture::ResNet18)
        },
        proposals: ProposalConfig {
            before_suppression: [200; 2],
            after_suppression: [60; 2],
            sampled: 100_000,
            ..ProposalConfig::default()
        },
        regions: RegionConfig {
            classes: 3,
            box_width: 32,
            detections: 6,
            least_score: 0.0,
            ..RegionConfig::default()
        },
        ..DetectConfig::default()
    };
    let store = VarStore::new(Device::Cpu);
    let network = MaskRcnn::new(&store.root(), &config).unwrap();
    let variables = named_variables(&store);
    fill(&variables);
    let images = images();
    let key = StreamKey {
        epoch: 0,
        sample_id: "",
        purpose: "boxes",
    };
    let mut rngs = [Seed(1).stream(key), Seed(2).stream(key)];
    let losses = network.losses(&images, &instances(), &mut rngs).unwrap();
    for (name, loss) in losses.named() {
        close(name, loss, &golden[name], 1e-5);
    }
    losses.total().backward();
    let mut learned: Vec<_> = (variables.iter())
        .filter(|(_, tensor)| tensor.requires_grad())
        .collect();
    learned.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = &golden["gradients"];
    assert_eq!(expected.size(), [learned.len() as i64, 4]);
    for (k, (name, variable)) in learned.into_iter().enumerate() {
        let expected = Vec::<f64>::try_from(expected.get(k as i64)).unwrap();
        for (got, value) in probes(&variable.grad()).iter().zip(&expected) {
            let apart = (got - value).abs();
            assert!(apart <= 1e-3 * expected[0] + 1e-6, "{name}: {got} {value}");
        }
    }

    for (k, found) in network.detect(&images).unwrap().iter().enumerate() {
        let expected = |name: &str| &golden[&format!("{name}.{k}")];
        assert!(found.boxes.size()[0] > 0);
        close("boxes", &found.boxes, expected("boxes"), 1e-3);
        close("scores", &found.scores, expected("scores"), 1e-4);
        close("classes", &found.classes, expected("labels"), 0.0);
        let masks = found.masks.as_ref().unwrap();
        let whole = pasted(masks, &found.boxes, images.sizes_yx[k]).unwrap();
        for (name, masks) in [("masks", masks), ("pasted", &whole)] {
            let expected = expected(name);
            assert_eq!(expected.size()[0], masks.size()[0]);
            for mask in 0..masks.size()[0] {
                let got = Tensor::from_slice(&probes(&masks.get(mask)));
                close(name, &got, &expected.get(mask), 1e-2);
            }
        }
    }
}
