//! A training on a phantom: it learns, repeats itself, resumes, validates, and refuses what cannot serve.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ndarray::{Array3, Axis};
use scarce_corn::augment::AugmentConfig;
use scarce_corn::confidence::{ConfidenceFilter, Selection};
use scarce_corn::correlation::CorrelationForm;
use scarce_corn::correlation::repaired::RepairedOptions;
use scarce_corn::inference::sliding_window;
use scarce_corn::perturbation::NoiseConfig;
use scarce_corn::pool::AnchorDraw;
use scarce_corn::ramp::Ramp;
use scarce_corn::settings::{ConsistencyConfig, CorrelationConfig, PoolConfig};
use scarce_corn::teacher::{Buffers, TeacherConfig};
use scarce_corn::vnet::{VNet, VNetConfig};
use scarce_corn::{
    Branches, CornError, LabelledVolume, SemiConfig, SemiTask, TrainedNetwork, UnlabelledVolume,
};
use scarce_train::image::Seed;
use scarce_train::{
    Checkpoint, Existing, LoopConfig, RunFolder, RunManifest, Schedule, StepContext, Task as _,
    run_training,
};
use tch::{Device, Kind};

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
        branches: follows_by(0.9),
        ramp: Ramp::Continuous { steps: 10.0 },
        correlation: CorrelationConfig {
            form: CorrelationForm::Repaired(RepairedOptions {
                groups: 2,
                ..RepairedOptions::default()
            }),
            filter: ConfidenceFilter {
                voxels: Selection::TopAndRandom {
                    count: 64,
                    surest_share: 0.5,
                },
                ..ConfidenceFilter::default()
            },
            anchors: AnchorDraw {
                count: 16,
                at_least: 16,
                in_halves: false,
            },
            pool: PoolConfig {
                capacity: 64,
                ..PoolConfig::default()
            },
            ..CorrelationConfig::default()
        },
        ..SemiConfig::default()
    }
}

fn follows_by(max_decay: f64) -> Branches {
    Branches::MeanTeacher(TeacherConfig {
        max_decay,
        ..TeacherConfig::default()
    })
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
    refusable(config, vec![labelled("a")], others).unwrap()
}

fn refusable(
    config: SemiConfig,
    volumes: Vec<LabelledVolume>,
    others: Vec<UnlabelledVolume>,
) -> Result<SemiTask, CornError> {
    SemiTask::new(config, volumes, others, vec![], Seed(1), Device::Cpu)
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

fn of<'t>(task: &'t SemiTask, network: &str) -> &'t VNet {
    task.method().network(network).unwrap()
}

fn dice_of(net: &VNet, centre: [i32; 3]) -> f64 {
    let (image, label) = phantom(centre);
    let p = sliding_window(net, image.view(), [16; 3], 0.5, Device::Cpu).unwrap();
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
    let before = dice_of(of(&first, "teacher"), unseen);
    let log = train(&mut first, 40, &folder.path().join("a"), Existing::Refuse);
    let after = dice_of(of(&first, "teacher"), unseen);
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
        "supervised",
        "supervised_weight",
        "supervised_share",
        "consistency",
        "consistency_weight",
        "consistency_share",
        "correlation",
        "correlation_weight",
        "correlation_share",
        "correlation_rows",
        "correlation_skipped",
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
    let correlates = |row: &String| !row.contains("\"correlation_rows\":0.0");
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
    let predict =
        |net: &VNet| sliding_window(net, image.view(), [16; 3], 0.5, Device::Cpu).unwrap();
    for name in ["teacher", "student"] {
        let weights = saved.group("weights").unwrap();
        let loaded = TrainedNetwork::load(&config(), Some(name), weights, Device::Cpu).unwrap();
        assert_eq!(
            predict(&loaded.network),
            predict(of(&trained, name)),
            "{name}"
        );
    }
    assert_ne!(
        predict(of(&trained, "teacher")),
        predict(of(&trained, "student"))
    );
    let weights = saved.group("weights").unwrap();
    let main = TrainedNetwork::load(&config(), None, weights, Device::Cpu).unwrap();
    assert_eq!(predict(&main.network), predict(of(&trained, "teacher")));
    let error = TrainedNetwork::load(&config(), Some("main"), weights, Device::Cpu).unwrap_err();
    assert!(error.to_string().contains("student, teacher"), "{error}");
}

/// The first update copies the student whatever the largest decay; decay 0 always does; decay 1 keeps
/// the mean of all students so far.
#[test]
fn the_teacher_follows_by_its_decay() {
    let _turn = take_turn();
    for (decay, follows) in [(0.0, true), (1.0, false)] {
        let mut task = task(
            SemiConfig {
                branches: follows_by(decay),
                ..config()
            },
            &["u"],
        );
        let pairs = |task: &SemiTask| -> Vec<(String, tch::Tensor, tch::Tensor)> {
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

/// In training mode a teacher keeps statistics of its own, which a teacher in evaluation mode has from its student.
#[test]
fn a_teacher_with_buffers_of_its_own_runs_in_training_mode() {
    let _turn = take_turn();
    for (buffers, equal) in [(Buffers::Copy, true), (Buffers::Own, false)] {
        let folder = tempfile::tempdir().unwrap();
        let config = SemiConfig {
            branches: Branches::MeanTeacher(TeacherConfig {
                buffers,
                ..TeacherConfig::default()
            }),
            ..config()
        };
        let mut task = task(config, &["u"]);
        train(&mut task, 2, folder.path(), Existing::Refuse);
        let weights: BTreeMap<String, tch::Tensor> = task.weights().into_iter().collect();
        let name = "encoder.2.block.1.bn.running_mean";
        let [student, teacher] = ["student", "teacher"].map(|n| &weights[&format!("{n}.{name}")]);
        assert_eq!(student.equal(teacher), equal, "{buffers:?}");
        let start = teacher.zeros_like();
        assert!(!teacher.equal(&start), "{buffers:?}: it saw something");
    }
}

#[test]
fn what_is_validated_on_is_not_learned_from() {
    let _turn = take_turn();
    let with = |validation: &str| {
        let others = vec![unlabelled("u")];
        let held_out = vec![labelled(validation)];
        SemiTask::new(
            config(),
            vec![labelled("a")],
            others,
            held_out,
            Seed(1),
            Device::Cpu,
        )
    };
    for id in ["a", "u"] {
        let error = with(id).unwrap_err().to_string();
        assert!(
            error.contains("both trained on and validated on"),
            "{error}"
        );
    }
    let context = StepContext {
        step: 0,
        total_steps: 1,
        seed: Seed(1),
        rank: 0,
        world_size: 1,
    };
    let mut task = with("v").unwrap();
    let figures = task.validate(&context).unwrap();
    let (image, _) = phantom([11, 12, 10]);
    let p = sliding_window(
        of(&task, "teacher"),
        image.view(),
        [16; 3],
        0.5,
        Device::Cpu,
    );
    assert_eq!(figures.len(), 1);
    assert_eq!(figures[0].0, "validation_dice");
    // Uniform windows there, Gaussian ones here.
    assert!(
        (0.0..1.0).contains(&figures[0].1) && p.is_ok(),
        "{figures:?}"
    );
    // The teacher answers in evaluation mode, so that looking twice changes nothing.
    assert_eq!(task.validate(&context).unwrap(), figures);
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
        let error = refusable(config(), volumes, others).unwrap_err();
        assert!(error.to_string().contains(part), "{error} lacks {part}");
    }
    let mut dark = unlabelled("dark");
    dark.image[[0, 0, 0]] = f32::NEG_INFINITY;
    let volumes = vec![labelled("a")];
    let error = refusable(config(), volumes, vec![dark]).unwrap_err();
    assert!(
        error.to_string().contains("dark has intensity -inf"),
        "{error}"
    );
}
