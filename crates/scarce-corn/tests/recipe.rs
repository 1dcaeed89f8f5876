//! The recipe on a phantom: it learns, repeats itself, resumes, and refuses what cannot serve.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ndarray::{Array3, Array4, Axis};
use scarce_corn::augment::AugmentConfig;
use scarce_corn::inference::{Blend, Windows, sliding_window};
use scarce_corn::vnet::{VNet, VNetConfig};
use scarce_corn::{Branch, LabelledVolume, SemiConfig, SemiTask, UnlabelledVolume};
use scarce_train::image::Seed;
use scarce_train::{
    Checkpoint, Existing, LoopConfig, RunFolder, RunManifest, Schedule, StepContext, Task as _,
    load_variables, named_variables, run_training,
};
use tch::{Device, Kind, Tensor};

/// libtorch's generator belongs to the process: tests that draw from it take turns.
static GENERATOR: Mutex<()> = Mutex::new(());

fn take_turn() -> MutexGuard<'static, ()> {
    tch::set_num_threads(1);
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bright ball in noise.
fn phantom(centre: [i32; 3]) -> (Array3<f32>, Array3<u8>) {
    let label = Array3::from_shape_fn((24, 24, 24), |(z, y, x)| {
        let d = [
            z as i32 - centre[0],
            y as i32 - centre[1],
            x as i32 - centre[2],
        ];
        u8::from(d.iter().map(|v| v * v).sum::<i32>() < 40)
    });
    let mut state = 12345u32;
    let image = label.map(|l| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 8) as f32 / 16_777_216.0;
        0.1 + 0.3 * noise + 0.5 * f32::from(*l)
    });
    (image, label)
}

fn config() -> SemiConfig {
    SemiConfig {
        network: VNetConfig {
            base_filters: 4,
            dropout: 0.1,
            ..VNetConfig::default()
        },
        patch_zyx: [16; 3],
        labelled_batch: 1,
        unlabelled_batch: 1,
        ramp_steps: 10.0,
        anchors: 16,
        pool_capacity: 64,
        voxels: 64,
        groups: 2,
        ema_max_decay: 0.9,
        ..SemiConfig::default()
    }
}

fn labelled(id: &str) -> LabelledVolume {
    let (image, label) = phantom([11, 12, 10]);
    LabelledVolume {
        id: id.to_owned(),
        image,
        label,
    }
}

fn unlabelled(id: &str) -> UnlabelledVolume {
    UnlabelledVolume {
        id: id.to_owned(),
        image: phantom([13, 10, 13]).0,
    }
}

fn task(config: SemiConfig, others: &[&str]) -> SemiTask {
    let others = others.iter().map(|id| unlabelled(id)).collect();
    SemiTask::new(config, vec![labelled("a")], others, Seed(1), Device::Cpu).unwrap()
}

/// Trains into `folder` and gives back the log.
fn train(task: &mut SemiTask, steps: u64, folder: &Path, existing: Existing) -> String {
    let manifest = RunManifest {
        kind: "semi".to_owned(),
        seed: 1,
        device: "cpu".to_owned(),
        threads: 1,
        versions: BTreeMap::new(),
        inputs: BTreeMap::new(),
    };
    let mut run = RunFolder::open(folder, existing, "", &manifest).unwrap();
    let training = LoopConfig {
        steps,
        learning_rate: 0.01,
        schedule: Schedule::Constant,
        ..LoopConfig::default()
    };
    run_training(task, &training, &mut run, Seed(1)).unwrap();
    fs::read_to_string(folder.join("metrics.jsonl")).unwrap()
}

fn probabilities_of(net: &VNet, image: &Array3<f32>) -> Array4<f32> {
    let windows = Windows {
        patch_zyx: [16; 3],
        blend: Blend::Uniform,
        ..Windows::default()
    };
    let forward = |x: &Tensor| Ok(net.forward(x, false)?.logits);
    sliding_window(&forward, image.view(), &windows, Device::Cpu).unwrap()
}

fn dice_of(net: &VNet, centre: [i32; 3]) -> f64 {
    let (image, label) = phantom(centre);
    let p = probabilities_of(net, &image);
    let found = p.index_axis(Axis(0), 1).map(|p| u8::from(*p > 0.5));
    let both = found.iter().zip(&label).filter(|(a, b)| **a + **b == 2);
    let count = |m: &Array3<u8>| m.iter().map(|v| usize::from(*v)).sum::<usize>();
    2.0 * both.count() as f64 / (count(&found) + count(&label)) as f64
}

#[test]
fn learns_a_ball_it_has_not_seen_and_repeats_itself() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let unseen = [9, 13, 14];
    let mut first = task(config(), &["u", "v"]);
    let before = dice_of(first.teacher(), unseen);
    let log = train(&mut first, 40, &folder.path().join("a"), Existing::Refuse);
    let after = dice_of(first.teacher(), unseen);
    assert!(after > 0.7, "Dice {before} before, {after} after");
    assert!(
        before < 0.5,
        "the phantom is no test: Dice {before} untrained"
    );

    let mut second = task(config(), &["u", "v"]);
    let again = train(&mut second, 40, &folder.path().join("b"), Existing::Refuse);
    assert_eq!(log, again);
    for name in [
        "loss",
        "dice_loss",
        "cross_entropy",
        "consistency",
        "coral",
        "coral_rows",
        "coral_skipped",
        "pool_rows",
    ] {
        assert!(
            log.contains(&format!("\"{name}\":")),
            "{name} is not logged"
        );
    }
    assert_eq!(first.memory().len(), 4, "the pool holds both classes");
}

/// Weights, teacher, optimizer and pool: a run cut in two ends where one that was not ends.
#[test]
fn a_resumed_run_is_the_run_that_never_stopped() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    let mut uninterrupted = task(config(), &["u"]);
    let expected = train(&mut uninterrupted, 29, &whole, Existing::Refuse);
    train(&mut task(config(), &["u"]), 27, &cut, Existing::Refuse);
    let mut resumed = task(config(), &["u"]);
    let got = train(&mut resumed, 29, &cut, Existing::Resume);
    let after_the_cut = |log: &str| log.lines().skip(27).map(str::to_owned).collect::<Vec<_>>();
    let (got, expected) = (after_the_cut(&got), after_the_cut(&expected));
    assert_eq!(got, expected);
    let correlates = |row: &String| !row.contains("\"coral_rows\":0.0");
    assert!(got.len() == 2 && got.iter().all(correlates), "{got:?}");
    let all = |task: &SemiTask| task.weights().into_iter().chain(task.memory());
    assert_eq!(all(&resumed).count(), all(&uninterrupted).count());
    for ((name, a), (other, b)) in all(&resumed).zip(all(&uninterrupted)) {
        assert!(name == other && a.equal(&b), "{name} {other}");
    }
}

#[test]
fn a_checkpoint_gives_either_network_back() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let mut trained = task(config(), &["u"]);
    train(&mut trained, 3, folder.path(), Existing::Refuse);
    let saved = Checkpoint::load(&folder.path().join("checkpoints")).unwrap();
    let image = phantom([12; 3]).0;
    let predict = |net: &VNet| probabilities_of(net, &image);
    for (prefix, net) in [
        ("teacher.", trained.teacher()),
        ("student.", trained.student()),
    ] {
        let branch = Branch::new(&config().network, Device::Cpu).unwrap();
        let variables = named_variables(&branch.store);
        load_variables(&variables, saved.group("weights").unwrap(), prefix).unwrap();
        assert_eq!(predict(&branch.network), predict(net), "{prefix}");
    }
    assert_ne!(predict(trained.teacher()), predict(trained.student()));
}

/// The first update copies the student whatever the largest decay; decay 0 always does; decay 1 keeps
/// the mean of all students so far.
#[test]
fn the_teacher_follows_by_its_decay() {
    let _turn = take_turn();
    for (decay, follows) in [(0.0, true), (1.0, false)] {
        let mut task = task(
            SemiConfig {
                ema_max_decay: decay,
                ..config()
            },
            &["u"],
        );
        let pairs = |task: &SemiTask| -> Vec<(String, Tensor, Tensor)> {
            let weights = task.weights();
            let (student, teacher) = weights.split_at(weights.len() / 2);
            let pairs = student.iter().zip(teacher);
            pairs
                .map(|((name, s), (other, t))| {
                    assert_eq!(name.strip_prefix("student"), other.strip_prefix("teacher"));
                    (name.clone(), s.copy(), t.copy())
                })
                .collect()
        };
        for step in 0..2 {
            let context = StepContext {
                step,
                total_steps: 2,
                seed: Seed(1),
                rank: 0,
                world_size: 1,
            };
            let mut student = task.weights();
            student.retain(|(name, _)| name.starts_with("student"));
            for (_, tensor) in &mut student {
                if tensor.requires_grad() {
                    tch::no_grad(|| *tensor += 2.0);
                }
            }
            task.after_step(&context).unwrap();
            for (name, student, teacher) in pairs(&task) {
                let gap = (&student - &teacher).abs().max();
                let gap = gap.to_kind(Kind::Double).double_value(&[]);
                let is_buffer = name.contains("running_");
                // At decay 1 the second update halves a gap of 2.
                let expected = if follows || step == 0 || is_buffer {
                    0.0
                } else {
                    1.0
                };
                assert!((gap - expected).abs() < 1e-5, "{name} step {step}: {gap}");
            }
        }
    }
}

#[test]
fn either_kind_of_consistency_can_be_left_out() {
    let _turn = take_turn();
    let bare = AugmentConfig::none();
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
        (
            SemiConfig {
                coral_weight: 0.0,
                ..config()
            },
            vec!["u"],
            "consistency",
            "coral",
        ),
        (
            SemiConfig {
                consistency_weight: 0.0,
                noise: 0.0,
                augment: bare,
                ..config()
            },
            vec!["u"],
            "coral",
            "nothing",
        ),
        (
            SemiConfig {
                unlabelled_batch: 3,
                ..config()
            },
            vec!["u", "v"],
            "coral",
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

#[test]
fn refuses_volumes_that_cannot_serve() {
    let _turn = take_turn();
    let with = |id: &str, change: &dyn Fn(&mut LabelledVolume)| {
        let mut volume = labelled(id);
        change(&mut volume);
        vec![volume]
    };
    let cases = [
        (vec![], "no labelled volume"),
        (
            with("empty", &|v| v.label.fill(0)),
            "empty has no foreground",
        ),
        (
            with("third", &|v| v.label[[0, 0, 0]] = 2),
            "third has class 2",
        ),
        (
            with("cut", &|v| v.label = Array3::zeros((3, 3, 3))),
            "image of cut has shape",
        ),
        (
            with("nan", &|v| v.image[[1, 2, 3]] = f32::NAN),
            "nan has intensity NaN at (z, y, x) = (1, 2, 3)",
        ),
        (
            with("hu", &|v| v.image[[0, 0, 1]] = -1000.0),
            "hu has intensity -1000 at (z, y, x) = (0, 0, 1), expected 0 to 1",
        ),
        (
            with("none", &|v| v.image = Array3::zeros((0, 4, 4))),
            "none has no voxel",
        ),
        (vec![labelled("a"), labelled("a")], "a comes twice"),
        (vec![labelled("u")], "u comes twice"),
    ];
    for (volumes, part) in cases {
        let others = vec![unlabelled("u")];
        let error = SemiTask::new(config(), volumes, others, Seed(0), Device::Cpu).unwrap_err();
        assert!(error.to_string().contains(part), "{error} lacks {part}");
    }
    let mut dark = unlabelled("dark");
    dark.image[[0, 0, 0]] = f32::NEG_INFINITY;
    let volumes = vec![labelled("a")];
    let error = SemiTask::new(config(), volumes, vec![dark], Seed(0), Device::Cpu).unwrap_err();
    assert!(
        error.to_string().contains("dark has intensity -inf"),
        "{error}"
    );
}
