//! Settings that would train something else than was meant are refused by name.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use scarce_corn::confidence::{EntropyThreshold, Selection};
use scarce_corn::correlation::CorrelationForm;
use scarce_corn::correlation::repaired::RepairedOptions;
use scarce_corn::heads::HeadsConfig;
use scarce_corn::perturbation::Noisy;
use scarce_corn::pool::Fusion;
use scarce_corn::ramp::Ramp;
use scarce_corn::settings::ConsistencyForm;
use scarce_corn::teacher::TeacherConfig;
use scarce_corn::vnet::Upsampling;
use scarce_corn::{Branches, CornError, SemiConfig};

fn check(change: fn(&mut SemiConfig), part: &str) {
    // Room for one voxel at the bottom, so that a batch of one is too few.
    let mut config = SemiConfig {
        patch_zyx: [16; 3],
        ..SemiConfig::default()
    };
    config.check(true).unwrap();
    change(&mut config);
    let error = config.check(true).unwrap_err();
    assert!(matches!(error, CornError::Setting { .. }), "{error}");
    assert!(error.to_string().contains(part), "{error} lacks {part}");
}

#[test]
fn each_is_kept_in_its_range() {
    check(|c| c.patch_zyx[2] = 20, "patch_zyx");
    check(|c| c.patch_zyx[0] = 0, "patch_zyx");
    check(|c| c.network.dimensions = 2, "1 along z");
    check(|c| c.network.dimensions = 4, "network.dimensions");
    check(|c| c.labelled_batch = 0, "labelled_batch");
    check(|c| c.foreground_chance = 1.5, "foreground_chance");
    check(|c| c.supervised.weight = -1.0, "supervised.weight");
    check(|c| c.supervised.dice.smooth = f64::NAN, "dice.smooth");
    check(|c| c.consistency.weight = f64::NAN, "consistency.weight");
    check(
        |c| c.correlation.weight = f64::INFINITY,
        "correlation.weight",
    );
    check(|c| c.ramp = Ramp::Continuous { steps: f64::NAN }, "ramp");
    check(
        |c| {
            c.ramp = Ramp::Stepped {
                every: 0,
                length: 40.0,
            };
        },
        "ramp.every",
    );
    check(|c| c.noise.deviation = -0.1, "noise");
    check(
        |c| {
            c.branches = Branches::MeanTeacher(TeacherConfig {
                max_decay: 1.1,
                ..TeacherConfig::default()
            });
        },
        "max_decay",
    );
    check(
        |c| {
            c.correlation.filter.voxels = Selection::TopAndRandom {
                count: 64,
                surest_share: 2.0,
            };
        },
        "surest_share",
    );
    check(|c| c.correlation.filter.threshold = f64::NAN, "threshold");
    check(
        |c| {
            c.correlation.filter.entropy = Some(EntropyThreshold {
                start: 1.5,
                ramp: Ramp::None,
            });
        },
        "entropy.start",
    );
    for_repaired(|o| o.temperature = f64::NAN, "temperature");
    for_repaired(|o| o.temperature = 0.0, "temperature");
    for_repaired(|o| o.groups = 0, "groups");
    for_repaired(|o| o.groups = i64::MAX, "voxels");
    check(
        |c| c.correlation.filter.voxels = Selection::Top { count: 3 },
        "voxels",
    );
    check(|c| c.correlation.anchors.count = 1, "anchors.count");
    check(|c| c.correlation.anchors.at_least = 1, "anchors.at_least");
    check(
        |c| c.correlation.pool.capacity = c.correlation.anchors.count - 1,
        "pool.capacity",
    );
    check(
        |c| c.correlation.pool.fusion = Fusion::Moments { weight: 0.9 },
        "pool.fusion",
    );
    check(
        |c| {
            c.correlation.heads = HeadsConfig::Mlp {
                width: 0,
                prediction: true,
            };
        },
        "heads.width",
    );
    check(|c| c.network.in_channels = 2, "in_channels");
    check(|c| c.network.classes = 1, "classes");
    check(|c| c.network.classes = 256, "classes");
    check(|c| c.network.dropout = 1.0, "dropout");
    check(|c| c.augment.zoom = -0.1, "zoom");
}

fn for_repaired(change: fn(&mut RepairedOptions), part: &str) {
    let mut options = RepairedOptions::default();
    change(&mut options);
    let mut config = SemiConfig::default();
    config.correlation.form = CorrelationForm::Repaired(options);
    let error = config.check(true).unwrap_err().to_string();
    assert!(error.contains(part), "{error} lacks {part}");
}

#[test]
fn terms_need_the_branches_that_they_compare() {
    check(
        |c| c.branches = Branches::Single {},
        "consistency.form: expected one between branches",
    );
    check(
        |c| {
            c.branches = Branches::Single {};
            c.consistency.weight = 0.0;
        },
        "correlation.weight: expected 0 for a network alone",
    );
    check(
        |c| c.consistency.form = ConsistencyForm::CrossPseudo {},
        "consistency.form: expected one with a teacher",
    );
    check(
        |c| {
            c.branches = Branches::Independent {
                decoders: vec![Upsampling::Transposed, Upsampling::Trilinear],
                attention: Vec::new(),
            };
            c.consistency.form = ConsistencyForm::CrossPseudo {};
            c.noise.on = Noisy::Teacher;
        },
        "noise.on",
    );
    check(
        |c| {
            c.branches = Branches::SharedEncoder {
                decoders: vec![Upsampling::Transposed],
            };
        },
        "branches.decoders",
    );
    check(
        |c| {
            c.branches = Branches::Independent {
                decoders: vec![Upsampling::Transposed, Upsampling::Trilinear],
                attention: vec!["third".to_owned()],
            };
        },
        "branches.attention: expected main, auxiliary",
    );
    check(
        |c| {
            c.consistency.form = ConsistencyForm::Sharpened {
                temperature: 0.0,
                detach: false,
            };
        },
        "temperature",
    );
}

#[test]
fn one_small_crop_a_step_is_too_few() {
    let one = |c: &mut SemiConfig| (c.labelled_batch, c.unlabelled_batch) = (1, 0);
    check(one, "more than one crop of 16");
    let mut config = SemiConfig::default();
    one(&mut config);
    config.check(true).unwrap();
    config.patch_zyx = [16; 3];
    config.unlabelled_batch = 1;
    config.check(true).unwrap();
    // The second crop never comes where there is no unlabelled volume.
    assert!(config.check(false).is_err());
}
