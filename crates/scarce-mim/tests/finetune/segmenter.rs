//! A segmentation of discs.

use ndarray::Axis;
use scarce_mim::finetune::look::Placement;
use scarce_mim::finetune::segment::{SegmentConfig, SegmentTask};
use scarce_train::{Existing, LoopConfig, Task as _};
use tch::Device;

use super::pictures::{discs, intensities, segment};
use super::{SEED, take_turn, train};

#[test]
fn discs_are_outlined() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let images = (discs(24, 0), discs(8, 100));
    let mut task =
        SegmentTask::new(segment(), 2, images, intensities(), SEED, Device::Cpu).unwrap();
    let training = LoopConfig {
        steps: 60,
        learning_rate: 5e-3,
        ..LoopConfig::default()
    };
    let path = folder.path().join("run");
    train(&mut task, &training, &path, Existing::Refuse).unwrap();
    let test = discs(10, 300);
    let canvases: Vec<_> = test.iter().map(|i| (i.id.as_str(), &i.pixels)).collect();
    let shares = task.network().predict(&canvases).unwrap();
    assert_eq!(shares.dim(), (10, 2, 16, 16));
    let (mut both, mut either) = (0, 0);
    for (image, shares) in test.iter().zip(shares.outer_iter()) {
        let truth = Placement::WHOLE.see_labels(image.labels.view(), [16, 16]);
        let found = shares
            .index_axis(Axis(0), 1)
            .mapv(|share| u8::from(share > 0.5));
        for (truth, found) in truth.iter().zip(&found) {
            both += 2 * usize::from(truth & found);
            either += usize::from(*truth) + usize::from(*found);
        }
    }
    let dice = both as f64 / either as f64;
    assert!(dice > 0.85, "Dice {dice}");
}

#[test]
fn any_size_comes_out_as_it_went_in_and_a_frozen_encoder_stays() {
    let _turn = take_turn();
    let config = SegmentConfig {
        input_yx: [22, 37],
        train_encoder: false,
        ..segment()
    };
    let frame = |image: &scarce_mim::finetune::OutlinedImage| {
        let mut image = image.clone();
        image.pixels = ndarray::Array3::from_elem((1, 44, 74), 0.5);
        image.labels = ndarray::Array2::zeros((44, 74));
        image
    };
    let images: Vec<_> = discs(8, 0).iter().map(frame).collect();
    let task = SegmentTask::new(
        config,
        3,
        (images.clone(), Vec::new()),
        intensities(),
        SEED,
        Device::Cpu,
    )
    .unwrap();
    let canvases: Vec<_> = images.iter().map(|i| (i.id.as_str(), &i.pixels)).collect();
    let shares = task.network().predict(&canvases).unwrap();
    assert_eq!(shares.dim(), (8, 3, 22, 37));
    assert!(
        task.parameters()
            .iter()
            .all(|(name, _)| name.starts_with("decoder."))
    );

    let mut odd = images;
    odd[2].labels[[0, 0]] = 3;
    let config = SegmentConfig {
        input_yx: [22, 37],
        ..segment()
    };
    let refused = SegmentTask::new(config, 3, (odd, vec![]), intensities(), SEED, Device::Cpu);
    let error = refused.unwrap_err().to_string();
    assert!(
        error.contains("labels of disc-2: expected classes below 3, got 3"),
        "{error}"
    );
}
