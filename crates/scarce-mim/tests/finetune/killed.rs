//! A classifier that is killed in mid-epoch and goes on ends byte for byte as one that was left alone.
#![cfg(unix)]

use scarce_mim::finetune::classify::{ClassifyConfig, Mixing, Mode};

use super::classifier::{task, training};
use super::killing::Victim;
use super::pictures::{classify, striped};
use super::{take_turn, train};

const CLASSIFIER: Victim = Victim {
    test: "killed::a_classifier_is_trained_to_its_end",
    run: "SCARCE_FINETUNE_RUN",
};
/// Of 17 images in batches of 12 no step ends an epoch but every twelfth.
const STEPS: u64 = 40;

/// The victim: started by the test below it goes on where it was killed.
#[test]
fn a_classifier_is_trained_to_its_end() {
    let own = tempfile::tempdir().unwrap();
    let (path, existing) = CLASSIFIER.place(&own);
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
    CLASSIFIER.ends_the_same(
        &[3, 17, 26],
        &[
            "metrics.csv",
            "checkpoints/last/weights.safetensors",
            "checkpoints/last/optimizer.safetensors",
            "checkpoints/last/state.json",
            "checkpoints/best/weights.safetensors",
        ],
    );
}
