//! Terms that are left out.

use super::*;

fn weigh(consistency: f64, correlation: f64) -> SemiConfig {
    let base = config();
    SemiConfig {
        consistency: ConsistencyConfig {
            weight: consistency,
            ..base.consistency
        },
        correlation: CorrelationConfig {
            weight: correlation,
            ..base.correlation
        },
        ..base
    }
}

#[test]
fn either_kind_of_consistency_can_be_left_out() {
    let _turn = take_turn();
    let cases = [
        // (config, unlabelled ids, logged, not logged)
        (config(), vec![], "dice_loss", "consistency"),
        (
            SemiConfig {
                unlabelled_batch: 0,
                ..config()
            },
            vec!["u"],
            "dice_loss",
            "consistency",
        ),
        (weigh(1.0, 0.0), vec!["u"], "consistency", "correlation"),
        (
            SemiConfig {
                noise: NoiseConfig::default(),
                augment: AugmentConfig::none(),
                ..weigh(0.0, 0.1)
            },
            vec!["u"],
            "correlation",
            "consistency",
        ),
        (
            SemiConfig {
                unlabelled_batch: 3,
                ..config()
            },
            vec!["u", "v"],
            "correlation",
            "nothing",
        ),
    ];
    for (config, others, logged, not_logged) in cases {
        let folder = tempfile::tempdir().unwrap();
        // One crop of 16³ alone has no variance at the bottom.
        let config = SemiConfig {
            labelled_batch: 2,
            ..config
        };
        let mut task = task(config, &others);
        let log = train(&mut task, 2, folder.path(), Existing::Refuse);
        assert!(log.contains(&format!("\"{logged}\"")), "{log}");
        assert!(!log.contains(&format!("\"{not_logged}\"")), "{log}");
        for (name, tensor) in task.weights() {
            assert_eq!(tensor.isfinite().all().int64_value(&[]), 1, "{name}");
        }
    }
}

/// A class that no volume has, one volume for a batch of two, and two that are never predicted at first: nothing to compare is
/// no fault, and nothing is NaN.
#[test]
fn an_absent_class_and_too_few_volumes_train_all_the_same() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let config = config();
    let config = SemiConfig {
        network: VNetConfig {
            classes: 4,
            ..config.network
        },
        labelled_batch: 2,
        ..config
    };
    let mut task = task(config, &["u"]);
    let log = train(&mut task, 12, folder.path(), Existing::Refuse);
    let last = log.lines().last().unwrap();
    assert!(last.contains("\"correlation_skipped\""), "{last}");
    assert!(!last.contains("\"correlation_skipped\":0.0"), "{last}");
    for (name, tensor) in task.weights() {
        assert_eq!(tensor.isfinite().all().int64_value(&[]), 1, "{name}");
    }
    let slots = task.memory().into_iter();
    let of_absent = slots.filter(|(name, _)| name.starts_with("pool.0.3"));
    assert_eq!(of_absent.count(), 0);
}

/// Crops one voxel thick, for a network of two axes.
#[test]
fn slices_of_volumes_train_a_network_of_two_axes() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let base = config();
    let config = SemiConfig {
        network: VNetConfig {
            dimensions: 2,
            ..base.network
        },
        patch_zyx: [1, 16, 16],
        labelled_batch: 4,
        unlabelled_batch: 4,
        ..base
    };
    let (others, held_out) = (vec![unlabelled("u")], vec![labelled("v")]);
    let volumes = vec![labelled("a")];
    let mut task = SemiTask::new(config, volumes, others, held_out, Seed(1), Device::Cpu).unwrap();
    let log = train(&mut task, 2, folder.path(), Existing::Refuse);
    assert!(log.contains("\"correlation\""), "{log}");
    let context = StepContext {
        step: 0,
        total_steps: 2,
        seed: Seed(1),
        rank: 0,
        world_size: 1,
    };
    let figures = task.validate(&context).unwrap();
    assert!((0.0..=1.0).contains(&figures[0].1), "{figures:?}");
}
