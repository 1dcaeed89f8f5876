//! The V-Net's size, names, initialisation, shapes and refusals.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashMap;

use scarce_corn::CornError;
use scarce_corn::models::Model;
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
    for upsampling in [
        Upsampling::Transposed,
        Upsampling::Trilinear,
        Upsampling::Nearest,
    ] {
        let (store, _) = build(&small(upsampling));
        let names: Vec<String> = named_variables(&store).into_iter().map(|v| v.0).collect();
        assert_eq!(names, expected, "{upsampling:?}");
    }
}

/// Counts as the papers and their code have them; in 2-D and for MC-Net+ by PyTorch:
///
/// ```python
/// from torch import nn
/// def count(*layers): return sum(p.numel() for layer in layers for p in layer.parameters())
/// def unit(conv, norm, a, b, k): return count(conv(a, b, k), norm(b))
/// def encoder(conv, norm, f=16, n=(1, 2, 3, 3, 3)):
///     down = sum(unit(conv, norm, f << l - 1, f << l, 2) for l in range(1, 5))
///     return down + sum(unit(conv, norm, 1 if l + k == 0 else f << l, f << l, 3) for l in range(5) for k in range(n[l]))
/// def decoder(up, kernel, conv, norm, f=16, n=(1, 2, 3, 3)):
///     ups = sum(unit(up, norm, f << l + 1, f << l, kernel) for l in range(4))
///     return ups + sum(unit(conv, norm, f << l, f << l, 3) for l in range(4) for _ in range(n[l])) + count(conv(f, 2, 1))
/// v, s = (nn.Conv3d, nn.BatchNorm3d), (nn.Conv2d, nn.BatchNorm2d)
/// transposed, trilinear = decoder(nn.ConvTranspose3d, 2, *v), decoder(nn.Conv3d, 3, *v)
/// print(2 * count(nn.TransformerEncoderLayer(128, 4, 512)), "more in CAML than in corn-32")
/// print(encoder(*v) + transposed, encoder(*s) + decoder(nn.ConvTranspose2d, 2, *s), encoder(*v) + transposed + 2 * trilinear)
/// ```
const PARAMETERS: [(&str, usize, &str, &str); 6] = [
    (
        "vnet",
        9_448_866,
        "classifier.bias",
        "encoder.4.down.conv.weight",
    ),
    (
        "vnet-2d",
        3_271_298,
        "classifier.bias",
        "encoder.4.down.conv.weight",
    ),
    (
        "corn",
        19_752_260,
        "auxiliary.classifier.bias",
        "main.projection.3.weight",
    ),
    (
        "corn-32",
        19_732_292,
        "auxiliary.classifier.bias",
        "main.projection.3.weight",
    ),
    (
        "caml",
        20_128_836,
        "auxiliary.attention.inter.linear1.bias",
        "main.projection.3.weight",
    ),
    (
        "mc-net",
        15_246_566,
        "auxiliary.classifier.bias",
        "third.decoder.3.up.conv.weight",
    ),
];

#[test]
fn each_model_has_its_parameters() {
    assert_eq!(PARAMETERS.len(), Model::ALL.len());
    for (name, parameters, first, last) in PARAMETERS {
        let store = VarStore::new(Device::Cpu);
        Model::by_name(name).unwrap().build(&store.root()).unwrap();
        let variables = named_variables(&store);
        let trained = variables.iter().filter(|(_, t)| t.requires_grad());
        let count: usize = trained.map(|(_, t)| t.numel()).sum();
        assert_eq!(count, parameters, "{name}");
        let (lowest, highest) = (&variables[0].0, &variables[variables.len() - 1].0);
        assert_eq!((lowest.as_str(), highest.as_str()), (first, last), "{name}");
        assert!(variables.iter().all(|(name, _)| !name.contains("__")));
    }
    assert!(Model::by_name("unet").is_none());
}

#[test]
fn decoders_share_an_encoder() {
    let store = VarStore::new(Device::Cpu);
    let first = VNet::new(&(store.root() / "a"), &small(Upsampling::Transposed)).unwrap();
    let nearest = small(Upsampling::Nearest);
    let second = VNet::sharing(&(store.root() / "b"), &first, &nearest).unwrap();
    assert!(second.shares_encoder_with(&first));
    let names = named_variables(&store).into_iter();
    assert!(
        names
            .map(|v| v.0)
            .all(|name| !name.starts_with("b.encoder"))
    );
    let input = Tensor::randn([1, 1, 16, 16, 32], (Kind::Float, Device::Cpu));
    let shared = first.encode(&input, false).unwrap();
    let (whole, half) = (
        second.forward_main(&input).unwrap(),
        second.decode(&shared, false).unwrap().logits,
    );
    assert!(whole.equal(&half) && !whole.requires_grad());
    let wider = VNetConfig {
        base_filters: 4,
        ..nearest
    };
    assert!(VNet::sharing(&(store.root() / "c"), &first, &wider).is_err());
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
        (Upsampling::Nearest, Normalisation::Batch),
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

/// What attends are variables of their own, which evaluation leaves out: the network beside them answers as without.
#[test]
fn attends_in_training_alone() {
    for dimensions in [2, 3] {
        let config = VNetConfig {
            dimensions,
            dropout: 0.0,
            ..small(Upsampling::Trilinear)
        };
        let attentive = VNetConfig {
            attention: true,
            ..config.clone()
        };
        let ((plain_store, plain), (store, net)) = (build(&config), build(&attentive));
        let own: HashMap<String, Tensor> = named_variables(&store).into_iter().collect();
        let _guard = tch::no_grad_guard();
        for (name, mut tensor) in named_variables(&plain_store) {
            tensor.copy_(&own[&name]);
        }
        let layers = own.keys().filter(|name| name.starts_with("attention."));
        assert_eq!(layers.count(), 24);
        let shape = [2, 1, 32, 32, 32];
        let input = Tensor::randn(&shape[..dimensions + 2], (Kind::Float, Device::Cpu));
        let logits = |net: &VNet, input: &Tensor, train| net.forward(input, train).unwrap().logits;
        assert!(logits(&net, &input, false).equal(&logits(&plain, &input, false)));
        assert!(!logits(&net, &input, true).allclose(
            &logits(&plain, &input, true),
            1e-3,
            1e-3,
            false
        ));
    }
}

/// A slice by itself, or as a volume of one.
#[test]
fn slices_go_through_a_network_of_two_axes() {
    for upsampling in [
        Upsampling::Transposed,
        Upsampling::Trilinear,
        Upsampling::Nearest,
    ] {
        let (_, net) = build(&VNetConfig {
            dimensions: 2,
            classes: 4,
            in_channels: 3,
            ..small(upsampling)
        });
        let slice = Tensor::randn([2, 3, 48, 32], (Kind::Float, Device::Cpu));
        let alone = net.forward(&slice, false).unwrap();
        assert_eq!(alone.logits.size(), [2, 4, 48, 32]);
        let volume = net.forward(&slice.unsqueeze(2), false).unwrap();
        assert_eq!(volume.features.size(), [2, 2, 1, 48, 32]);
        assert!(volume.logits.squeeze_dim(2).equal(&alone.logits));
        let thick = zeros(1, 3, [16, 16, 16]);
        let error = net.forward(&thick, false).unwrap_err().to_string();
        assert!(error.contains("(batch, channel, y, x)"), "{error}");
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
