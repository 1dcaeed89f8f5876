//! A classifier that is killed in mid-epoch and goes on ends byte for byte as one that was left alone.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use scarce_mim::finetune::classify::{ClassifyConfig, Mixing, Mode};
use scarce_train::Existing;

use super::classifier::{task, training};
use super::pictures::{classify, striped};
use super::{take_turn, train};

const RUN: &str = "SCARCE_FINETUNE_RUN";
/// Of 17 images in batches of 12 no step ends an epoch but every twelfth.
const STEPS: u64 = 40;

/// The victim: started by the test below it goes on where it was killed.
#[test]
fn a_classifier_is_trained_to_its_end() {
    let own = tempfile::tempdir().unwrap();
    let path = std::env::var_os(RUN).map_or_else(|| own.path().join("run"), PathBuf::from);
    let existing = if path.join("manifest.json").exists() {
        Existing::Resume
    } else {
        Existing::Overwrite
    };
    let _turn = take_turn();
    tch::set_num_threads(1);
    let config = ClassifyConfig {
        mixing: Some(Mixing::default()),
        ..classify(Mode::Full)
    };
    let mut task = task(config, striped(17, 0)).unwrap();
    train(&mut task, &training(STEPS), &path, existing).unwrap();
}

#[test]
fn killed_in_mid_epoch_it_ends_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    assert!(start(&whole).wait().unwrap().success());
    let mut kills = 0;
    for rows in [3, 17, 26] {
        let mut victim = start(&killed);
        while steps(&killed) < rows && victim.try_wait().unwrap().is_none() {
            sleep(Duration::from_micros(200));
        }
        kills += u64::from(victim.try_wait().unwrap().is_none());
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
    assert!(kills > 0, "every run ended before it was killed");
    assert!(start(&killed).wait().unwrap().success());
    for name in [
        "metrics.csv",
        "checkpoints/last/weights.safetensors",
        "checkpoints/last/optimizer.safetensors",
        "checkpoints/last/state.json",
        "checkpoints/best/weights.safetensors",
    ] {
        let read = |run: &Path| fs::read(run.join(name)).unwrap();
        assert!(read(&killed) == read(&whole), "{name} differs");
    }
}

fn start(run: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::a_classifier_is_trained_to_its_end"])
        .env(RUN, run)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn steps(run: &Path) -> usize {
    let rows = fs::read_to_string(run.join("metrics.jsonl"));
    rows.map_or(0, |rows| rows.lines().count())
}
