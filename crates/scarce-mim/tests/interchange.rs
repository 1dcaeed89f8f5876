//! A residual network's weights as torchvision and timm save them come into the encoder one to one.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use scarce_mim::encoder::{Architecture, EncoderConfig, build};
use scarce_train::interchange::{ImportOptions, NameTable, export_weights, import_weights};
use scarce_train::named_variables;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// Names, kinds and shapes of `resnet18().state_dict()`, the same in torchvision 0.26.0 and timm 1.0.31.
const RESNET18: &str = include_str!("../../scarce-train/tests/data/resnet18.json");

#[test]
fn a_resnet18_fits_but_for_its_head() {
    let listed: BTreeMap<String, (String, Vec<i64>)> = serde_json::from_str(RESNET18).unwrap();
    let tensors: Vec<(String, Tensor)> = listed
        .into_iter()
        .enumerate()
        .map(|(k, (name, (kind, shape)))| {
            let kind = if kind == "int64" {
                Kind::Int64
            } else {
                Kind::Float
            };
            (name, Tensor::full(shape, k as i64, (kind, Device::Cpu)))
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resnet18.safetensors");
    export_weights(&path, &tensors, &NameTable::new()).unwrap();

    let store = VarStore::new(Device::Cpu);
    let config = EncoderConfig {
        in_channels: 3,
        ..EncoderConfig::named(Architecture::ResNet18)
    };
    build(&(store.root() / "encoder"), &config).unwrap();
    let variables = named_variables(&store);
    let names = NameTable::torchvision()
        .leave_out("fc.*")
        .prefix("", "encoder.");
    let report = import_weights(&path, &variables, &names, &ImportOptions::default()).unwrap();
    assert_eq!(report.loaded.len(), variables.len());
    let theirs: BTreeMap<_, _> = tensors.into_iter().collect();
    let ours: BTreeMap<_, _> = variables.into_iter().collect();
    for (name, from) in report.loaded {
        assert_eq!(name, format!("encoder.{from}"));
        assert!(ours[&name].equal(&theirs[&from]), "{name}");
    }
}
