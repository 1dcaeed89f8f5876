//! Weights fit to the last name, or are refused by it.

use std::path::Path;

use scarce_mim::finetune::classify::{ClassifyTask, Mode};
use scarce_mim::finetune::weights::Weights;
use scarce_train::interchange::{NameTable, export_weights};
use scarce_train::{Checkpoint, CheckpointState, Existing, LoopConfig, Task as _};
use tch::{Device, Kind, Tensor};

use super::classifier::task;
use super::pictures::{classify, striped};
use super::{take_turn, train};

fn fresh() -> ClassifyTask {
    task(classify(Mode::Full), striped(12, 0)).unwrap()
}

/// A checkpoint as a pre-training saves it.
fn pretrained(folder: &Path, tensors: Vec<(String, Tensor)>) {
    let decoder = Tensor::zeros([3], (Kind::Float, Device::Cpu));
    let weights = tensors
        .into_iter()
        .map(|(name, tensor)| (format!("encoder.{name}"), tensor))
        .chain([("decoder.proj.bias".to_owned(), decoder)])
        .collect();
    Checkpoint {
        groups: [("weights".to_owned(), weights)].into(),
        state: CheckpointState::default(),
    }
    .save(&folder.join("checkpoints"))
    .unwrap();
}

#[test]
fn every_name_must_fit() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let task = fresh();
    let encoder = task.network().encoder_variables();
    let changed = |scale: f64| -> Vec<(String, Tensor)> {
        let change =
            |(name, tensor): &(String, Tensor)| (name.clone(), tensor.detach() * scale + 1.0);
        encoder.iter().map(change).collect()
    };
    // A pre-training's run folder, its decoder left where it is.
    let source = changed(2.0);
    let kept: Vec<(String, Tensor)> = source.iter().map(|(n, t)| (n.clone(), t.copy())).collect();
    pretrained(&folder.join("pre"), source);
    let weights = Weights::named(folder.join("pre").to_str().unwrap()).unwrap();
    assert_eq!(weights.load(&encoder).unwrap(), Some(encoder.len()));
    same(&encoder, &kept);

    // timm's file: with counts of batches and a head of a thousand classes.
    let mut timm = changed(0.5);
    let kept: Vec<(String, Tensor)> = timm.iter().map(|(n, t)| (n.clone(), t.copy())).collect();
    timm.push((
        "fc.weight".to_owned(),
        Tensor::zeros([1000, 16], (Kind::Float, Device::Cpu)),
    ));
    let count = Tensor::from(7i64);
    timm.push(("bn1.num_batches_tracked".to_owned(), count));
    let file = folder.join("timm.safetensors");
    export_weights(&file, &timm, &NameTable::new()).unwrap();
    let weights = Weights::named(file.to_str().unwrap()).unwrap();
    weights.load(&encoder).unwrap();
    same(&encoder, &kept);

    // One missing, one left over, one of another shape: all named, and nothing is changed.
    let mut wrong = changed(3.0);
    wrong.retain(|(name, _)| name != "bn1.bias");
    wrong.push((
        "layer9.weight".to_owned(),
        Tensor::zeros([2], (Kind::Float, Device::Cpu)),
    ));
    if let Some((_, tensor)) = wrong.iter_mut().find(|(name, _)| name == "conv1.weight") {
        *tensor = Tensor::zeros([8, 2, 3, 3], (Kind::Float, Device::Cpu));
    }
    let copy = wrong.iter().map(|(n, t)| (n.clone(), t.copy())).collect();
    pretrained(&folder.join("wrong"), copy);
    let file = folder.join("wrong.safetensors");
    export_weights(&file, &wrong, &NameTable::new()).unwrap();
    for setting in [folder.join("wrong"), file] {
        let weights = Weights::named(setting.to_str().unwrap()).unwrap();
        let error = weights.load(&encoder).unwrap_err().to_string();
        for part in ["bn1.bias", "layer9.weight", "conv1.weight"] {
            assert!(error.contains(part), "{error} lacks {part}");
        }
        same(&encoder, &kept);
    }
    let error = Weights::named("no-such-run").unwrap_err().to_string();
    assert!(error.contains("no-such-run"), "{error}");
    assert_eq!(
        Weights::named("none").unwrap().load(&encoder).unwrap(),
        None
    );
}

#[test]
fn a_fine_tuned_run_starts_another() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let mut first = fresh();
    let training = LoopConfig {
        steps: 3,
        ..LoopConfig::default()
    };
    let path = folder.path().join("run");
    train(&mut first, &training, &path, Existing::Refuse).unwrap();
    let second = fresh();
    let encoder = second.network().encoder_variables();
    let weights = Weights::named(path.to_str().unwrap()).unwrap();
    weights.load(&encoder).unwrap();
    same(&encoder, &first.network().encoder_variables());
    assert_eq!(first.weights().len(), encoder.len() + 2);
}

fn same(ours: &[(String, Tensor)], theirs: &[(String, Tensor)]) {
    for (name, tensor) in ours {
        let (_, other) = theirs.iter().find(|(other, _)| other == name).unwrap();
        assert!(tensor.equal(other), "{name}");
    }
}
