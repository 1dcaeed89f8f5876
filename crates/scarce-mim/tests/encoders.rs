//! Every encoder: hidden pixels reach no map, an image that is all visible gets what the dense network makes of it, and
//! layers deepen as fine-tuning recipes have it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use scarce_mim::MimError;
use scarce_mim::encoder::{Architecture, Encoder, EncoderConfig, build};
use scarce_mim::sparse::Active;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// With other than their initial weights and statistics: a γ of 0 would hide a branch.
fn encoder(config: &EncoderConfig) -> (VarStore, Box<dyn Encoder>) {
    tch::manual_seed(3);
    let store = VarStore::new(Device::Cpu);
    let encoder = build(&store.root(), config).unwrap();
    let _guard = tch::no_grad_guard();
    let variables: BTreeMap<_, _> = store.variables().into_iter().collect();
    for (name, mut tensor) in variables {
        if tensor.dim() == 1 {
            let _ = tensor.uniform_(if name.ends_with("bias") { -0.5 } else { 0.5 }, 1.0);
        }
    }
    (store, encoder)
}

fn input_and_mask(config: &EncoderConfig) -> (Tensor, Tensor) {
    let options = (Kind::Float, Device::Cpu);
    let dimensions = config.architecture.dimensions();
    let mut size = vec![2, config.in_channels];
    size.resize(2 + dimensions, 2 * config.stride() as i64);
    let mut grid = vec![2, 1];
    grid.resize(2 + dimensions, 2);
    // Of both samples some cells are visible, of no row or column all.
    let cells: i64 = 1 << dimensions;
    let visible = Tensor::arange(2 * cells, options).fmod(3.0).eq(0.0);
    (Tensor::rand(size, options), visible.view(grid.as_slice()))
}

/// Every fifth of patches a quarter as wide as the cells of `visible`, where these are visible.
fn finer_mask(visible: &Tensor) -> Tensor {
    let sides: Vec<i64> = visible.size()[2..].iter().map(|n| 4 * n).collect();
    let shown = Active::new(visible).at(&sides).unwrap();
    let numbers = Tensor::arange(shown.numel() as i64, (Kind::Float, Device::Cpu));
    &shown * numbers.fmod(5.0).eq(0.0).view(shown.size().as_slice())
}

fn greatest(t: &Tensor) -> f64 {
    t.abs().max().double_value(&[])
}

#[test]
fn hidden_pixels_reach_no_map() {
    for architecture in Architecture::ALL {
        let name = architecture.name();
        let config = EncoderConfig::named(architecture);
        let (_store, encoder) = encoder(&config);
        let (input, visible) = input_and_mask(&config);
        let mut masks = vec![visible];
        if !architecture.is_transformer() {
            masks.push(finer_mask(&masks[0]));
        }
        let cases = masks.iter().flat_map(|mask| [(mask, true), (mask, false)]);
        for (mask, train) in cases {
            let active = Active::new(mask);
            let hidden = active.like(&input).unwrap().eq(0.0);
            let other = input.masked_fill(&hidden, f64::NAN);
            let _guard = tch::no_grad_guard();
            let see = |input: &Tensor| encoder.forward(input, Some(&active), train).unwrap();
            let maps = see(&input);
            assert_eq!(maps.len(), encoder.maps().len());
            for ((map, again), shape) in maps.iter().zip(see(&other)).zip(encoder.maps()) {
                let mut expected = vec![2, shape.channels];
                let side = 2 * config.stride() as i64 / shape.stride;
                expected.resize(input.dim(), side);
                assert_eq!(map.size(), expected, "{name}");
                assert!(greatest(map) > 0.0, "{name}");
                assert_eq!(greatest(&(map - again)), 0.0, "{name}, train {train}");
                let outside = map * active.like(map).unwrap().eq(0.0);
                assert_eq!(greatest(&outside), 0.0, "{name}");
            }
        }
    }
}

#[test]
fn all_visible_is_dense() {
    // Their larger sisters are made of the same layers.
    for architecture in [
        Architecture::Small,
        Architecture::ResNet18,
        Architecture::ResNet50,
        Architecture::ConvNextTiny,
        Architecture::VitTiny,
        Architecture::ResNet18Volume,
        Architecture::VNetVolume,
    ] {
        let config = EncoderConfig::named(architecture);
        let (_store, encoder) = encoder(&config);
        let (input, visible) = input_and_mask(&config);
        let all = Active::new(&visible.ones_like());
        for train in [true, false] {
            let _guard = tch::no_grad_guard();
            let sparse = encoder.forward(&input, Some(&all), train).unwrap();
            let dense = encoder.forward(&input, None, train).unwrap();
            for (a, b) in sparse.iter().zip(dense) {
                let error = greatest(&(a - &b)) / greatest(&b);
                assert!(
                    error < 1e-4,
                    "{}, train {train}: {error}",
                    architecture.name()
                );
            }
        }
    }
}

/// SparK's ids for ResNet-50, the authors' for ConvNeXt, `BEiT`'s for transformers.
#[test]
fn layers_deepen() {
    check_layers(
        Architecture::ResNet50,
        7,
        &[
            ("conv1.weight", 0),
            ("bn1.bias", 0),
            ("layer1.2.conv3.weight", 1),
            ("layer2.1.bn1.weight", 2),
            ("layer2.2.bn1.weight", 3),
            ("layer3.0.downsample.0.weight", 4),
            ("layer3.2.conv1.weight", 4),
            ("layer3.3.conv1.weight", 5),
            ("layer3.5.conv1.weight", 5),
            ("layer4.0.conv1.weight", 6),
        ],
    );
    check_layers(
        Architecture::ConvNextTiny,
        7,
        &[
            ("stem.1.bias", 0),
            ("stages.0.blocks.2.gamma", 1),
            ("stages.1.downsample.0.weight", 2),
            ("stages.2.downsample.1.weight", 3),
            ("stages.2.blocks.5.mlp.fc1.weight", 4),
            ("stages.2.blocks.8.norm.bias", 5),
            ("stages.3.downsample.0.weight", 6),
            ("stages.3.blocks.2.conv_dw.weight", 6),
        ],
    );
    check_layers(
        Architecture::ConvNextBase,
        13,
        &[
            ("stages.2.blocks.26.norm.bias", 11),
            ("stages.3.blocks.0.norm.bias", 12),
        ],
    );
    check_layers(
        Architecture::VitTiny,
        13,
        &[
            ("patch_embed.proj.bias", 0),
            ("cls_token", 0),
            ("blocks.0.norm1.weight", 1),
            ("blocks.11.attn.qkv.bias", 12),
            ("norm.weight", 13),
        ],
    );
    check_layers(
        Architecture::VNetVolume,
        5,
        &[
            ("encoder.0.block.0.conv.weight", 0),
            ("encoder.4.down.bn.bias", 4),
        ],
    );
}

fn check_layers(architecture: Architecture, layers: usize, expected: &[(&str, usize)]) {
    let store = VarStore::new(Device::Cpu);
    let encoder = build(&store.root(), &EncoderConfig::named(architecture)).unwrap();
    assert_eq!(encoder.layers(), layers);
    for (name, layer) in expected {
        assert!(store.variables().contains_key(*name), "{name}");
        assert_eq!(encoder.layer_of(name), *layer, "{name}");
    }
}

#[test]
fn refuses_what_does_not_fit() {
    let small = EncoderConfig::default();
    for (config, part) in [
        (
            EncoderConfig {
                in_channels: 0,
                ..small.clone()
            },
            "in_channels",
        ),
        (
            EncoderConfig {
                drop_path: 1.0,
                ..small.clone()
            },
            "drop_path",
        ),
        (
            EncoderConfig {
                widths: Some([8; 4]),
                ..EncoderConfig::named(Architecture::ResNet18)
            },
            "widths",
        ),
        (
            EncoderConfig {
                base_filters: Some(8),
                ..small.clone()
            },
            "base_filters",
        ),
    ] {
        let store = VarStore::new(Device::Cpu);
        let error = build(&store.root(), &config).unwrap_err().to_string();
        assert!(error.contains(part), "{error} lacks {part}");
    }
    let (_store, encoder) = encoder(&small);
    let (input, visible) = input_and_mask(&small);
    let odd = Active::new(&Tensor::ones([2, 1, 5, 2], (Kind::Float, Device::Cpu)));
    let none = Active::new(&visible.zeros_like());
    let one = Active::new(&visible.narrow(0, 0, 1));
    for (active, train, fits) in [
        (&odd, false, false),
        (&one, false, false),
        (&none, false, true),
    ] {
        assert_eq!(encoder.forward(&input, Some(active), train).is_ok(), fits);
    }
    let nothing = encoder.forward(&input, Some(&none), true);
    assert!(matches!(nothing, Err(MimError::Visible { visible: 0 })));
}
