//! A checkpoint survives a kill at any moment of its saving, and tells of any damage.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::save::SavePhase;
use super::{Checkpoint, CheckpointFault, CheckpointState, TensorFault, check_tensors};
use crate::TrainError;

fn checkpoint(step: u64) -> Checkpoint {
    let tensor = |name: &str| {
        let value = Tensor::full([3], step as f64, (Kind::Float, Device::Cpu));
        vec![(name.to_owned(), value)]
    };
    Checkpoint {
        groups: BTreeMap::from([
            ("weights".to_owned(), tensor("w")),
            ("optimizer".to_owned(), tensor("w.exp_avg")),
        ]),
        state: CheckpointState {
            step,
            last_loss: Some(0.1 + 0.2),
            ..CheckpointState::default()
        },
    }
}

/// The step of a checkpoint whose tensors are those of that step.
fn loaded_step(folder: &Path) -> u64 {
    let loaded = Checkpoint::load(folder).unwrap();
    for group in ["weights", "optimizer"] {
        let value = loaded.group(group).unwrap()[0].1.double_value(&[2]);
        assert_eq!(value, loaded.state.step as f64);
    }
    loaded.state.step
}

/// Saves until the phase numbered `stop`, counted from 0; false where there is no such phase.
fn save_until(folder: &Path, step: u64, stop: usize, phases: &mut Vec<SavePhase>) -> bool {
    let saved = checkpoint(step).save_observed(folder, &mut |phase| {
        phases.push(phase);
        if phases.len() > stop {
            return Err(TrainError::Checkpoint {
                message: "killed".to_owned(),
                path: folder.to_owned(),
            });
        }
        Ok(())
    });
    saved.is_err()
}

#[test]
fn a_kill_at_any_phase_leaves_the_latest_or_the_one_before() {
    // How many checkpoints there are before the one whose saving is killed.
    for before in 1..=3u64 {
        let mut seen = Vec::new();
        for stop in 0.. {
            let folder = tempfile::tempdir().unwrap();
            for step in 1..=before {
                checkpoint(step).save(folder.path()).unwrap();
            }
            let mut phases = Vec::new();
            if !save_until(folder.path(), before + 1, stop, &mut phases) {
                break;
            }
            let last = *phases.last().unwrap();
            let renamed = phases.contains(&SavePhase::Renamed);
            let expected = if renamed { before + 1 } else { before };
            assert_eq!(loaded_step(folder.path()), expected, "{last:?}");
            // Whatever was left behind, the next saving works.
            checkpoint(before + 2).save(folder.path()).unwrap();
            assert_eq!(loaded_step(folder.path()), before + 2, "{last:?}");
            assert_eq!(
                loaded_step(&folder.path().join("previous")),
                expected,
                "{last:?}"
            );
            let left: Vec<String> = fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| name.starts_with('.'))
                .collect();
            assert!(left.is_empty(), "{left:?}");
            seen.push(last);
        }
        for phase in [
            SavePhase::Begun,
            SavePhase::Written,
            SavePhase::Synced,
            SavePhase::Sealed,
            SavePhase::LatestAside,
            SavePhase::Renamed,
            SavePhase::RenamesSynced,
            SavePhase::OldestRemoved,
        ] {
            assert!(seen.contains(&phase), "{phase:?} was never cut at");
        }
        assert_eq!(seen.contains(&SavePhase::OldestAside), before > 1);
    }
}

#[test]
fn half_written_files_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    checkpoint(1).save(folder.path()).unwrap();
    let mut phases = Vec::new();
    assert!(save_until(folder.path(), 2, 1, &mut phases));
    let torn = folder.path().join(".last.tmp/optimizer.safetensors");
    let content = fs::read(&torn).unwrap();
    fs::write(&torn, &content[..content.len() / 2]).unwrap();
    assert_eq!(loaded_step(folder.path()), 1);
    checkpoint(3).save(folder.path()).unwrap();
    assert_eq!(loaded_step(folder.path()), 3);
}

#[test]
fn every_flipped_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    checkpoint(1).save(folder.path()).unwrap();
    checkpoint(2).save(folder.path()).unwrap();
    let last = folder.path().join("last");
    for name in [
        "weights.safetensors",
        "optimizer.safetensors",
        "state.json",
        "state.blake3",
    ] {
        let path = last.join(name);
        let content = fs::read(&path).unwrap();
        for at in 0..content.len() {
            let mut flipped = content.clone();
            flipped[at] ^= 1;
            fs::write(&path, flipped).unwrap();
            let error = Checkpoint::load(folder.path()).unwrap_err();
            let TrainError::UnfitCheckpoint {
                fault, before_it, ..
            } = &error
            else {
                panic!("{name} at {at}: {error}");
            };
            assert!(
                matches!(**fault, CheckpointFault::Damaged { .. }),
                "{error}"
            );
            assert!(before_it.contains("of step 1, is whole"), "{error}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
        fs::write(&path, content).unwrap();
    }
    assert_eq!(loaded_step(folder.path()), 2);
}

#[test]
fn a_missing_file_is_named() {
    for name in ["weights.safetensors", "state.json", "state.blake3"] {
        let folder = tempfile::tempdir().unwrap();
        checkpoint(1).save(folder.path()).unwrap();
        fs::remove_file(folder.path().join("last").join(name)).unwrap();
        let error = Checkpoint::load(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains(&format!("{name} is missing; there is none before it")),
            "{error}"
        );
    }
    let empty = tempfile::tempdir().unwrap();
    let error = Checkpoint::load(empty.path()).unwrap_err().to_string();
    assert!(error.contains("there is none"), "{error}");
}

#[test]
fn state_comes_back_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    for loss in [0.1 + 0.2, 1e-310, f64::MAX, -0.0, 1.0 / 3.0] {
        let mut saved = checkpoint(7);
        saved.state.last_loss = Some(loss);
        saved.save(folder.path()).unwrap();
        let state = Checkpoint::load(folder.path()).unwrap().state;
        assert_eq!(state.last_loss.unwrap().to_bits(), loss.to_bits());
    }
}

#[test]
fn tensors_that_do_not_fit_are_named() {
    let named = |name: &str, shape: &[i64], kind| {
        vec![(name.to_owned(), Tensor::zeros(shape, (kind, Device::Cpu)))]
    };
    let expected = named("w", &[2, 3], Kind::Float);
    let fault = |got: Vec<(String, Tensor)>| check_tensors(&expected, &got).unwrap_err();
    let name = || "w".to_owned();
    let extra = [
        named("w", &[2, 3], Kind::Float),
        named("v", &[1], Kind::Float),
    ];
    let cases = [
        (
            vec![],
            TensorFault::Missing { name: name() },
            "w is missing",
        ),
        (
            extra.into_iter().flatten().collect(),
            TensorFault::LeftOver {
                name: "v".to_owned(),
            },
            "v is left over",
        ),
        (
            named("w", &[3, 2], Kind::Float),
            TensorFault::Shape {
                name: name(),
                expected: vec![2, 3],
                got: vec![3, 2],
            },
            "w has shape [3, 2], expected [2, 3]",
        ),
        (
            named("w", &[2, 3], Kind::Double),
            TensorFault::Kind {
                name: name(),
                expected: "Float".to_owned(),
                got: "Double".to_owned(),
            },
            "w is Double, expected Float",
        ),
    ];
    for (got, expected_fault, text) in cases {
        let found = fault(got);
        assert!(found.to_string().contains(text), "{found}");
        assert_eq!(found, CheckpointFault::OtherTensors(vec![expected_fault]));
    }
}
