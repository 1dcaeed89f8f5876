//! A training step's terms, total, gradients and running statistics are those of an independent computation in PyTorch, with
//! the same weights and crops, for every recipe (`data/corn.py`).
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use scarce_corn::confidence::{ConfidenceFilter, EntropyThreshold, Selection};
use scarce_corn::correlation::CorrelationForm;
use scarce_corn::correlation::paper::PaperOptions;
use scarce_corn::correlation::repaired::RepairedOptions;
use scarce_corn::heads::HeadsConfig;
use scarce_corn::losses::DiceLoss;
use scarce_corn::method::{Crops, Method};
use scarce_corn::perturbation::NoiseConfig;
use scarce_corn::pool::{AnchorDraw, Fusion};
use scarce_corn::ramp::Ramp;
use scarce_corn::settings::{
    ConsistencyConfig, ConsistencyForm, CorrelationConfig, CropsOf, PoolConfig, SupervisedConfig,
};
use scarce_corn::teacher::{Buffers, TeacherConfig};
use scarce_corn::vnet::{Upsampling, VNetConfig};
use scarce_corn::{Branches, SemiConfig};
use scarce_train::StepContext;
use scarce_train::image::Seed;
use tch::{Device, Kind, Tensor};

const SHAPE: [i64; 5] = [4, 1, 32, 16, 16];

fn wave(count: i64, pace: f64, phase: f64) -> Tensor {
    (Tensor::arange(count, (Kind::Double, Device::Cpu)) * pace + phase).sin()
}

fn fill(variables: &[(String, Tensor)]) {
    let _guard = tch::no_grad_guard();
    for (name, tensor) in variables {
        if name.contains("running") {
            continue;
        }
        let phase: u32 = name.bytes().map(u32::from).sum::<u32>() % 101;
        let count = tensor.numel() as i64;
        let values = wave(count, 1.3, f64::from(phase)).view_as(tensor);
        let values = if tensor.dim() > 1 {
            values * (2.0 * tensor.size()[0] as f64 / count as f64).sqrt()
        } else if name.ends_with("weight") {
            values * 0.2 + 1.0
        } else {
            values * 0.1
        };
        tensor.shallow_clone().copy_(&values);
    }
}

fn crops() -> Crops {
    let count: i64 = SHAPE.iter().product();
    let classes = (wave(count / 2, 0.37, 0.2) * 1.6 + 1.5).floor().clamp(0, 2);
    Crops {
        images: (wave(count, 0.11, 0.5) + wave(count, 1.7, 0.0) * 0.3).view(SHAPE),
        labels: classes.to_kind(Kind::Int64).view([2, 32, 16, 16]),
        labelled_samples: vec![0, 1],
        ids: ["a", "b", "c", "d"].map(str::to_owned).into(),
    }
}

fn probe(tensor: &Tensor) -> [f64; 2] {
    let flat = tensor.detach().flatten(0, -1);
    let product = flat.dot(&wave(flat.numel() as i64, 0.9, 0.3));
    [product, flat.norm()].map(|t| t.double_value(&[]))
}

fn check(case: &str, config: SemiConfig) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corn.safetensors");
    let golden = Tensor::read_safetensors(path).unwrap();
    let golden = |name: &str| -> Vec<f64> {
        let full = format!("{case}.{name}");
        let found = golden.iter().find(|(name, _)| *name == full).unwrap();
        Vec::try_from(found.1.flatten(0, -1)).unwrap()
    };
    let close = |what: &str, got: f64, expected: f64, scale: f64| {
        // A bias before a norm has no gradient but rounding.
        let tolerance = 1e-6 * scale + 1e-12;
        assert!(
            (got - expected).abs() <= tolerance,
            "{case}, {what}: {got} {expected}"
        );
    };

    config.check(true).unwrap();
    let mut method = Method::new(config, 2, Device::Cpu).unwrap();
    method.double();
    fill(&method.weights());
    let context = StepContext {
        step: 0,
        total_steps: 1,
        seed: Seed(1),
        rank: 0,
        world_size: 1,
    };
    // Iteration 900, counted from 1.
    let loss = method.loss(&crops(), &context, 899).unwrap();
    let figures: BTreeMap<String, f64> = loss.figures.into_iter().collect();
    let terms = golden("terms");
    let names = ["supervised", "consistency", "correlation"];
    assert_eq!(
        figures.contains_key("correlation"),
        terms.len() > 2,
        "{case}"
    );
    for (name, expected) in names.iter().zip(&terms) {
        close(name, figures[*name], *expected, expected.abs());
    }
    let total = golden("total")[0];
    close("total", loss.total.double_value(&[]), total, total.abs());
    let shares: f64 = names
        .iter()
        .filter_map(|name| figures.get(&format!("{name}_share")))
        .sum();
    close("shares", shares, 1.0, 1.0);

    loss.total.backward();
    let moved: BTreeMap<String, Tensor> = method
        .weights()
        .into_iter()
        .filter_map(
            |(name, t)| match (t.requires_grad(), name.contains("running")) {
                (true, _) => Some((name, t.grad())),
                (false, true) => Some((name, t)),
                // A teacher's.
                (false, false) => None,
            },
        )
        .collect();
    let expected = golden("tensors");
    assert_eq!(expected.len(), moved.len(), "{case}");
    for ((name, tensor), expected) in moved.iter().zip(expected) {
        let [product, norm] = probe(tensor);
        close(name, product, expected, norm);
    }
}

fn base(branches: Branches) -> SemiConfig {
    SemiConfig {
        network: VNetConfig {
            classes: 3,
            base_filters: 4,
            dropout: 0.0,
            ..VNetConfig::default()
        },
        branches,
        patch_zyx: [32, 16, 16],
        noise: NoiseConfig::default(),
        ramp: Ramp::Stepped {
            every: 150,
            length: 40.0,
        },
        correlation: none(),
        ..SemiConfig::default()
    }
}

fn two(form: CorrelationForm, correlation_weight: f64, prediction: bool) -> SemiConfig {
    let decoders = vec![Upsampling::Transposed, Upsampling::Trilinear];
    SemiConfig {
        correlation: CorrelationConfig {
            weight: correlation_weight,
            heads: HeadsConfig::Mlp {
                width: 6,
                prediction,
            },
            ..everything(form)
        },
        ..base(Branches::Independent {
            decoders,
            attention: Vec::new(),
        })
    }
}

fn none() -> CorrelationConfig {
    CorrelationConfig {
        weight: 0.0,
        ..CorrelationConfig::default()
    }
}

/// All that may be chosen and drawn, so that the order alone is left to chance.
fn everything(form: CorrelationForm) -> CorrelationConfig {
    CorrelationConfig {
        form,
        filter: ConfidenceFilter {
            voxels: Selection::All,
            ..ConfidenceFilter::default()
        },
        anchors: AnchorDraw {
            count: 100_000,
            at_least: 2,
            in_halves: false,
        },
        pool: PoolConfig {
            capacity: 100_000,
            fusion: Fusion::Replace,
        },
        ..CorrelationConfig::default()
    }
}

fn repaired(symmetric: bool) -> CorrelationForm {
    CorrelationForm::Repaired(RepairedOptions {
        groups: 1,
        temperature: 1.0,
        symmetric,
    })
}

fn supervised(weight: f64, [dice, entropy]: [f64; 2], loss: DiceLoss) -> SupervisedConfig {
    SupervisedConfig {
        weight,
        dice_weight: dice,
        cross_entropy_weight: entropy,
        dice: loss,
    }
}

fn sharpened(temperature: f64, detach: bool) -> ConsistencyConfig {
    ConsistencyConfig {
        weight: 1.0,
        on: CropsOf::All,
        form: ConsistencyForm::Sharpened {
            temperature,
            detach,
        },
    }
}

/// `corn-code`: selection of more than there are takes each voxel twice, and the pool's average finds no slot to average with.
#[test]
fn corns_code() {
    let config = two(CorrelationForm::Code {}, 0.05, true);
    check(
        "code",
        SemiConfig {
            supervised: supervised(0.5, [1.0, 0.0], DiceLoss::CORN),
            consistency: sharpened(0.4, false),
            correlation: CorrelationConfig {
                filter: ConfidenceFilter {
                    voxels: Selection::TopAndBottom {
                        top: 20_000,
                        bottom: 20_000,
                    },
                    ..ConfidenceFilter::default()
                },
                pool: PoolConfig {
                    capacity: 100_000,
                    fusion: Fusion::Average {
                        weight: 0.9,
                        equal_counts_only: true,
                    },
                },
                ..config.correlation
            },
            ..config
        },
    );
}

/// `corn-paper`, with one group of each class: groups are dealt at random.
#[test]
fn corns_paper() {
    let options = PaperOptions {
        groups: 1,
        anchor_groups: 1,
    };
    check(
        "paper",
        SemiConfig {
            supervised: supervised(1.0, [0.0, 1.0], DiceLoss::default()),
            consistency: ConsistencyConfig {
                weight: 0.1,
                on: CropsOf::Unlabelled,
                form: ConsistencyForm::CrossPseudo {},
            },
            ..two(CorrelationForm::Paper(options), 0.1, false)
        },
    );
}

/// `corn-repaired`, with one group of each class.
#[test]
fn corn_repaired() {
    check(
        "repaired",
        SemiConfig {
            supervised: supervised(0.5, [1.0, 1.0], DiceLoss::default()),
            consistency: sharpened(0.4, true),
            ..two(repaired(true), 0.1, false)
        },
    );
}

#[test]
fn caml() {
    let mut config = two(CorrelationForm::Omni { temperature: 0.1 }, 0.05, true);
    if let Branches::Independent { attention, .. } = &mut config.branches {
        attention.push("auxiliary".to_owned());
    }
    check(
        "caml",
        SemiConfig {
            supervised: supervised(0.5, [1.0, 0.0], DiceLoss::CORN),
            consistency: sharpened(0.1, false),
            ..config
        },
    );
}

/// `corn-ema` with a teacher in evaluation mode; one class has no anchor, and is left out of the rows.
#[test]
fn corn_with_a_teacher() {
    let config = base(Branches::MeanTeacher(TeacherConfig {
        buffers: Buffers::Copy,
        ..TeacherConfig::default()
    }));
    check(
        "ema",
        SemiConfig {
            correlation: everything(repaired(false)),
            ..config
        },
    );
}

fn own_buffers() -> SemiConfig {
    SemiConfig {
        supervised: supervised(0.5, [1.0, 1.0], DiceLoss::UA_MT),
        ..base(Branches::MeanTeacher(TeacherConfig::default()))
    }
}

#[test]
fn mean_teacher() {
    check(
        "mean-teacher",
        SemiConfig {
            consistency: ConsistencyConfig {
                weight: 0.1,
                ..ConsistencyConfig::default()
            },
            ..own_buffers()
        },
    );
}

#[test]
fn ua_mt() {
    let ramp = Ramp::Stepped {
        every: 150,
        length: 40.0,
    };
    check(
        "ua-mt",
        SemiConfig {
            consistency: ConsistencyConfig {
                weight: 0.1,
                on: CropsOf::All,
                form: ConsistencyForm::Uncertainty {
                    passes: 2,
                    entropy: EntropyThreshold { start: 0.75, ramp },
                },
            },
            ..own_buffers()
        },
    );
}

#[test]
fn mc_net() {
    let decoders = vec![
        Upsampling::Transposed,
        Upsampling::Trilinear,
        Upsampling::Nearest,
    ];
    check(
        "mc-net",
        SemiConfig {
            supervised: supervised(0.5, [1.0, 0.0], DiceLoss::default()),
            consistency: sharpened(0.1, false),
            ..base(Branches::SharedEncoder { decoders })
        },
    );
}
