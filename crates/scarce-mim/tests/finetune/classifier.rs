//! Classifiers: fine-tuned, probed, and without training.

use scarce_mim::MimError;
use scarce_mim::finetune::LabelledImage;
use scarce_mim::finetune::classify::{
    ClassificationLoss, ClassifyConfig, ClassifyTask, Mixing, Mode,
};
use scarce_train::{Existing, Goal, LoopConfig, Task as _, ValidationConfig, named_variables};
use tch::Device;

use super::pictures::{CLASSES, classify, intensities, striped};
use super::{SEED, take_turn, train};

pub fn task(config: ClassifyConfig, images: Vec<LabelledImage>) -> Result<ClassifyTask, MimError> {
    let images = (images, striped(12, 100));
    ClassifyTask::new(config, CLASSES, images, intensities(), SEED, Device::Cpu)
}

pub fn training(steps: u64) -> LoopConfig {
    LoopConfig {
        steps,
        learning_rate: 5e-3,
        validation: ValidationConfig {
            every: 10,
            figure: "validation_loss".to_owned(),
            goal: Goal::Minimise,
            ..ValidationConfig::default()
        },
        checkpoint_every: 7,
        ..LoopConfig::default()
    }
}

fn accuracy(task: &ClassifyTask, images: &[LabelledImage]) -> f64 {
    let probabilities = task.predict(images).unwrap();
    let right = images
        .iter()
        .zip(probabilities.rows())
        .filter(|(image, row)| {
            assert!((row.sum() - 1.0).abs() < 1e-9);
            (0..CLASSES).all(|class| row[class] <= row[image.class])
        });
    right.count() as f64 / images.len() as f64
}

#[test]
fn classes_are_learned() {
    let _turn = take_turn();
    let plain = classify(Mode::Full);
    let binary = ClassifyConfig {
        loss: ClassificationLoss::BinaryCrossEntropy,
        mixing: Some(Mixing::default()),
        ..classify(Mode::Full)
    };
    for (config, steps, least) in [(plain, 100, 0.9), (binary, 100, 0.75)] {
        let folder = tempfile::tempdir().unwrap();
        let mut task = task(config.clone(), striped(24, 0)).unwrap();
        let path = folder.path().join("run");
        train(&mut task, &training(steps), &path, Existing::Refuse).unwrap();
        let reached = accuracy(&task, &striped(30, 300));
        assert!(reached >= least, "{:?}: accuracy {reached}", config.loss);
    }
}

#[test]
fn a_probe_moves_the_head_alone_and_neighbours_nothing() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let mut probe = task(classify(Mode::Linear), striped(24, 0)).unwrap();
    let before: Vec<_> = named_variables(&probe.network().store)
        .into_iter()
        .map(|(name, tensor)| (name, tensor.copy()))
        .collect();
    assert!(
        probe
            .parameters()
            .iter()
            .all(|(name, _)| name.starts_with("fc."))
    );
    let path = folder.path().join("probe");
    train(&mut probe, &training(5), &path, Existing::Refuse).unwrap();
    // Running statistics among them.
    for ((name, before), (_, after)) in before.iter().zip(probe.weights()) {
        assert_eq!(before.equal(&after), !name.starts_with("fc."), "{name}");
    }

    let nearest = Mode::Nearest {
        neighbours: 3,
        temperature: 0.07,
    };
    let task = task(classify(nearest), striped(24, 0)).unwrap();
    let training_images = striped(24, 0);
    // Each image is its own likest neighbour.
    let votes = task.predict(&training_images).unwrap();
    assert_eq!(votes.dim(), (24, CLASSES));
    let own = training_images.iter().zip(votes.rows());
    assert!(
        own.map(|(image, row)| row[image.class])
            .all(|share| share > 0.3)
    );
}

#[test]
fn what_cannot_serve_is_named() {
    let _turn = take_turn();
    let with = |change: &dyn Fn(&mut Vec<LabelledImage>)| {
        let mut images = striped(12, 0);
        change(&mut images);
        images
    };
    let good = || classify(Mode::Full);
    for (config, images, part) in [
        (
            good(),
            with(&|i| i[5].pixels[[0, 3, 4]] = f32::NAN),
            "image image-5",
        ),
        (
            good(),
            with(&|i| i[3].class = 7),
            "image-3 is of class 7 of 3",
        ),
        (
            good(),
            with(&|i| i.retain(|i| i.class != 1)),
            "class 1 of 3 has no",
        ),
        (
            good(),
            with(&|i| i[1].id = "image-2".to_owned()),
            "two images are called image-2",
        ),
        (
            good(),
            with(&|i| i[0].pixels = ndarray::Array3::zeros((1, 8, 8))),
            "image image-0: expected a canvas",
        ),
        (
            ClassifyConfig { batch: 0, ..good() },
            striped(12, 0),
            "batch",
        ),
        (
            classify(Mode::Nearest {
                neighbours: 0,
                temperature: 0.1,
            }),
            striped(12, 0),
            "neighbours of at least 1",
        ),
    ] {
        let error = task(config, images).unwrap_err().to_string();
        assert!(error.contains(part), "{error} lacks {part}");
    }
}
