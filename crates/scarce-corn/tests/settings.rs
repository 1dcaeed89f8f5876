//! Settings that would train something else than was meant are refused by name.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use scarce_corn::{CornError, SemiConfig};

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
    check(|c| c.labelled_batch = 0, "labelled_batch");
    check(|c| c.foreground_chance = 1.5, "foreground_chance");
    check(|c| c.supervised_weight = -1.0, "supervised_weight");
    check(|c| c.consistency_weight = f64::NAN, "consistency_weight");
    check(|c| c.coral_weight = f64::INFINITY, "coral_weight");
    check(|c| c.ramp_steps = f64::NAN, "ramp_steps");
    check(|c| c.ema_max_decay = 1.1, "ema_max_decay");
    check(|c| c.noise = -0.1, "noise");
    check(|c| c.surest_share = 2.0, "surest_share");
    check(
        |c| c.confidence_threshold = f64::NAN,
        "confidence_threshold",
    );
    check(|c| c.temperature = f64::NAN, "temperature");
    check(|c| c.temperature = 0.0, "temperature");
    check(|c| c.anchors = 1, "anchors");
    check(|c| c.pool_capacity = c.anchors - 1, "pool_capacity");
    check(|c| c.groups = 0, "groups");
    check(|c| c.groups = i64::MAX, "voxels");
    check(|c| c.voxels = 3, "voxels");
    check(|c| c.network.in_channels = 2, "in_channels");
    check(|c| c.network.classes = 1, "classes");
    check(|c| c.network.classes = 256, "classes");
    check(|c| c.network.dropout = 1.0, "dropout");
    check(|c| c.augment.zoom = -0.1, "zoom");
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
