//! A pre-training that is killed in mid-epoch and goes on ends byte for byte as one that was left alone.
#![cfg(unix)]

use scarce_mim::{PretrainConfig, ViewConfig};
use scarce_train::LoopConfig;

use super::killing::Victim;
use super::{config, run, take_turn};

const PRETRAINING: Victim = Victim {
    test: "killed::an_encoder_is_trained_to_its_end",
    run: "SCARCE_PRETRAIN_RUN",
};

/// The victim: started by the test below it goes on where it was killed.
#[test]
fn an_encoder_is_trained_to_its_end() {
    let own = tempfile::tempdir().unwrap();
    let (path, existing) = PRETRAINING.place(&own);
    let _turn = take_turn();
    tch::set_num_threads(1);
    // Of 6 images in batches of 4 every third step ends an epoch; paths are dropped and views cut by chance.
    let mut config = PretrainConfig {
        batch: 4,
        mask_patch: Some(8),
        standardise: true,
        view: ViewConfig {
            area: Some([0.5, 1.0]),
            flip: true,
            ..config().view
        },
        ..config()
    };
    config.encoder.drop_path = 0.2;
    let training = LoopConfig {
        steps: 40,
        checkpoint_every: 5,
        ..LoopConfig::default()
    };
    run(config, &training, &path, existing);
}

#[test]
fn killed_in_mid_epoch_it_ends_the_same() {
    PRETRAINING.ends_the_same(
        &[3, 17, 26],
        &[
            "metrics.csv",
            "checkpoints/last/weights.safetensors",
            "checkpoints/last/optimizer.safetensors",
            "checkpoints/last/state.json",
        ],
    );
}
