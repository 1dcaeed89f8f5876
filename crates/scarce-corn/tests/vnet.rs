//! The V-Net's size, names, initialisation, shapes and refusals.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use scarce_corn::CornError;
use scarce_corn::vnet::{Normalisation, Upsampling, VNet, VNetConfig};
use scarce_train::named_variables;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

fn small(upsampling: Upsampling) -> VNetConfig {
    VNetConfig {
        base_filters: 2,
        upsampling,
        ..VNetConfig::default()
    }
}

fn build(config: &VNetConfig) -> (VarStore, VNet) {
    let store = VarStore::new(Device::Cpu);
    let net = VNet::new(&store.root(), config).unwrap();
    (store, net)
}

fn zeros(batch: i64, channels: i64, [z, y, x]: [i64; 3]) -> Tensor {
    Tensor::zeros([batch, channels, z, y, x], (Kind::Float, Device::Cpu))
}

/// Counts of the reference implementations' branches: 16 filters, 2 classes, 1 channel.
#[test]
fn has_the_published_number_of_parameters() {
    let count = |upsampling, part: &str| -> usize {
        let (store, _) = build(&VNetConfig {
            upsampling,
            ..VNetConfig::default()
        });
        named_variables(&store)
            .iter()
            .filter(|(name, tensor)| name.starts_with(part) && tensor.requires_grad())
            .map(|(_, tensor)| tensor.numel())
            .sum()
    };
    for (upsampling, decoder) in [
        (Upsampling::Transposed, 2_071_970),
        (Upsampling::Trilinear, 2_898_850),
    ] {
        let encoder = count(upsampling, "encoder");
        assert_eq!(encoder, 7_376_896);
        assert_eq!(count(upsampling, "") - encoder, decoder, "{upsampling:?}");
    }
    assert_eq!(count(Upsampling::Transposed, ""), 9_448_866);
}

/// Checkpoints stand on these names: a changed one is a broken checkpoint.
#[test]
fn names_its_variables_as_ever() {
    let units = |level: &str, entrance: &str, convolutions: usize| {
        let mut units: Vec<String> = (0..convolutions)
            .map(|k| format!("{level}.block.{k}"))
            .collect();
        if !entrance.is_empty() {
            units.push(format!("{level}.{entrance}"));
        }
        units
    };
    let mut expected = vec!["classifier.bias".to_owned(), "classifier.weight".to_owned()];
    for unit in [
        units("encoder.0", "", 1),
        units("encoder.1", "down", 2),
        units("encoder.2", "down", 3),
        units("encoder.3", "down", 3),
        units("encoder.4", "down", 3),
        units("decoder.3", "up", 3),
        units("decoder.2", "up", 3),
        units("decoder.1", "up", 2),
        units("decoder.0", "up", 1),
    ]
    .concat()
    {
        for variable in [
            "conv.weight",
            "conv.bias",
            "bn.weight",
            "bn.bias",
            "bn.running_mean",
            "bn.running_var",
        ] {
            expected.push(format!("{unit}.{variable}"));
        }
    }
    expected.sort();
    for upsampling in [Upsampling::Transposed, Upsampling::Trilinear] {
        let (store, _) = build(&small(upsampling));
        let names: Vec<String> = named_variables(&store).into_iter().map(|v| v.0).collect();
        assert_eq!(names, expected, "{upsampling:?}");
    }
}

#[test]
fn two_networks_need_two_paths() {
    let store = VarStore::new(Device::Cpu);
    let config = small(Upsampling::Transposed);
    VNet::new(&(store.root() / "a"), &config).unwrap();
    VNet::new(&(store.root() / "b"), &config).unwrap();
    let error = VNet::new(&(store.root() / "a"), &config).unwrap_err();
    assert!(
        error.to_string().contains("a.classifier.weight is there"),
        "{error}"
    );
    // The refusal came before anything was added.
    assert!(named_variables(&store).iter().all(|v| !v.0.contains("__")));
}

/// PyTorch's `reset_parameters`: uniform within 1/√f of 0 for a fan-in f of weight.size(1) · k³, so
/// the standard deviation is 1/√(3f); batch normalisation starts at γ = 1, β = 0.
#[test]
fn starts_from_pytorchs_default_initialisation() {
    tch::manual_seed(3);
    let (store, _) = build(&VNetConfig {
        base_filters: 8,
        ..VNetConfig::default()
    });
    for (name, tensor) in named_variables(&store) {
        let extreme = tensor.abs().max().double_value(&[]);
        if name.ends_with("conv.weight") || name == "classifier.weight" {
            let fan_in: i64 = tensor.size()[1..].iter().product();
            let bound = 1.0 / (fan_in as f64).sqrt();
            assert!(
                extreme <= bound * (1.0 + 1e-6),
                "{name}: {extreme} beyond {bound}"
            );
            if tensor.numel() > 1000 {
                let deviation = tensor.std(false).double_value(&[]) * 3f64.sqrt() / bound;
                assert!((0.9..1.1).contains(&deviation), "{name}: {deviation}");
            }
        } else if name.ends_with("bn.weight") || name.ends_with("running_var") {
            assert_eq!((extreme, tensor.min().double_value(&[])), (1.0, 1.0));
        } else if name.contains(".bn.") {
            assert_eq!(extreme, 0.0, "{name}");
        } else {
            assert!(extreme > 0.0, "{name}: a bias drawn, not zeroed");
        }
    }
}

#[test]
fn answers_in_the_shape_of_its_input() {
    for (upsampling, normalisation) in [
        (Upsampling::Transposed, Normalisation::Batch),
        (Upsampling::Trilinear, Normalisation::Batch),
        (Upsampling::Transposed, Normalisation::Instance),
    ] {
        let (_, net) = build(&VNetConfig {
            classes: 3,
            in_channels: 2,
            normalisation,
            ..small(upsampling)
        });
        let output = net.forward(&zeros(2, 2, [16, 48, 32]), false).unwrap();
        assert_eq!(output.logits.size(), [2, 3, 16, 48, 32]);
        assert_eq!(output.features.size(), [2, 2, 16, 48, 32]);
    }
}

#[test]
fn refuses_inputs_it_was_not_built_for() {
    let (_, net) = build(&small(Upsampling::Transposed));
    let cases = [
        (zeros(1, 1, [16, 20, 16]), false, "multiples of 16"),
        (zeros(1, 1, [16, 0, 16]), false, "multiples of 16"),
        (zeros(1, 3, [16, 16, 16]), false, "1 channels"),
        (zeros(0, 1, [16, 16, 16]), false, "a batch"),
        (zeros(1, 1, [16, 16, 16]).squeeze_dim(0), false, "a batch"),
        (Tensor::from(1.0f32), false, "5 axes"),
        (zeros(1, 1, [16, 16, 16]), true, "larger batch or side"),
    ];
    for (input, train, part) in cases {
        let error = net.forward(&input, train).unwrap_err();
        assert!(matches!(error, CornError::Shape { .. }), "{error}");
        assert!(error.to_string().contains(part), "{error} lacks {part}");
    }
}

/// A second sample gives batch normalisation something to compare with; instance normalisation
/// looks at one sample alone.
#[test]
fn a_crop_of_one_voxel_at_the_bottom_needs_company_in_the_batch() {
    for (normalisation, batch, trains) in [
        (Normalisation::Batch, 1, false),
        (Normalisation::Batch, 2, true),
        (Normalisation::Instance, 1, false),
        (Normalisation::Instance, 2, false),
    ] {
        let (_, net) = build(&VNetConfig {
            normalisation,
            ..small(Upsampling::Transposed)
        });
        let trained = net.forward(&zeros(batch, 1, [16; 3]), true);
        assert_eq!(trained.is_ok(), trains, "{normalisation:?} of {batch}");
    }
}

/// One value a channel at the bottom has no variance: training on it would leave NaN behind for
/// evaluation. Two have one.
#[test]
fn training_leaves_finite_statistics() {
    for (batch, sides) in [(2, [16, 16, 16]), (1, [16, 16, 32])] {
        let (store, net) = build(&small(Upsampling::Transposed));
        net.forward(&zeros(batch, 1, sides), true).unwrap();
        for (name, tensor) in named_variables(&store) {
            let finite = tensor.isfinite().all().int64_value(&[]);
            assert_eq!(finite, 1, "{name} at batch {batch}");
        }
    }
}

#[test]
fn refuses_settings_that_make_no_network() {
    let base = VNetConfig::default;
    for (config, name) in [
        (
            VNetConfig {
                in_channels: 0,
                ..base()
            },
            "in_channels",
        ),
        (
            VNetConfig {
                classes: -1,
                ..base()
            },
            "classes",
        ),
        (
            VNetConfig {
                base_filters: 0,
                ..base()
            },
            "base_filters",
        ),
        (
            VNetConfig {
                base_filters: i64::MAX,
                ..base()
            },
            "base_filters",
        ),
        (
            VNetConfig {
                dropout: 1.0,
                ..base()
            },
            "dropout",
        ),
        (
            VNetConfig {
                dropout: f64::NAN,
                ..base()
            },
            "dropout",
        ),
    ] {
        let store = VarStore::new(Device::Cpu);
        let error = VNet::new(&store.root(), &config).unwrap_err();
        assert!(matches!(error, CornError::Setting { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error} lacks {name}");
    }
}
