//! Weights under torchvision's names come in one to one, and whatever disagrees is named.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use scarce_train::interchange::{
    ImportOptions, NameTable, WeightsError, export_weights, import_weights,
};
use scarce_train::named_variables;
use tch::{Device, Kind, Tensor, nn, vision};

/// Names, kinds and shapes of `resnet18().state_dict()`, the same in torchvision 0.26.0 and timm 1.0.31:
/// ```python
/// import json, torchvision
/// state = torchvision.models.resnet18().state_dict()
/// json.dumps({k: [str(v.dtype).removeprefix("torch."), list(v.shape)] for k, v in state.items()})
/// ```
const RESNET18: &str = include_str!("data/resnet18.json");

/// Tensors of torchvision's names and shapes, each filled with a number of its own.
fn torchvision() -> Vec<(String, Tensor)> {
    let listed: BTreeMap<String, (String, Vec<i64>)> = serde_json::from_str(RESNET18).unwrap();
    listed
        .into_iter()
        .enumerate()
        .map(|(k, (name, (kind, shape)))| {
            let kind = match kind.as_str() {
                "float32" => Kind::Float,
                "int64" => Kind::Int64,
                other => panic!("{other} in the fixture"),
            };
            (name, Tensor::full(shape, k as i64, (kind, Device::Cpu)))
        })
        .collect()
}

fn network() -> (nn::VarStore, Vec<(String, Tensor)>) {
    let store = nn::VarStore::new(Device::Cpu);
    vision::resnet::resnet18(&store.root(), 1000);
    let variables = named_variables(&store);
    (store, variables)
}

fn write(path: &Path, tensors: &[(String, Tensor)]) {
    export_weights(path, tensors, &NameTable::new()).unwrap();
}

fn import(
    path: &Path,
    variables: &[(String, Tensor)],
    options: &ImportOptions,
) -> Result<scarce_train::interchange::ImportReport, WeightsError> {
    import_weights(path, variables, &NameTable::torchvision(), options)
}

#[test]
fn a_torchvision_file_fills_every_variable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resnet18.safetensors");
    let tensors = torchvision();
    write(&path, &tensors);
    let (_store, variables) = network();
    let report = import(&path, &variables, &ImportOptions::default()).unwrap();
    assert_eq!(report.loaded.len(), variables.len());
    assert!(report.loaded.iter().all(|(name, from)| name == from));
    assert_eq!(report.left_out.len(), 20, "{:?}", report.left_out);
    assert_eq!(report.missing.len() + report.extra.len(), 0);
    let theirs: BTreeMap<_, _> = tensors.into_iter().collect();
    for (name, variable) in &variables {
        assert!(variable.equal(&theirs[name]), "{name}");
    }

    // Out and in again, under other names.
    let outward = NameTable::new()
        .prefix("fc.", "head.")
        .prefix("", "module.");
    export_weights(&path, &variables, &outward).unwrap();
    let inward = NameTable::new()
        .prefix("module.", "")
        .prefix("head.", "fc.");
    let (_store, copies) = network();
    let report = import_weights(&path, &copies, &inward, &ImportOptions::default()).unwrap();
    let renamed = ("fc.bias".to_owned(), "module.head.bias".to_owned());
    assert!(report.loaded.contains(&renamed));
    for ((name, ours), (_, copy)) in variables.iter().zip(&copies) {
        assert!(ours.equal(copy), "{name}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn every_disagreement_is_named_and_nothing_copied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.safetensors");
    let mut tensors: BTreeMap<String, Tensor> = torchvision().into_iter().collect();
    assert!(tensors.remove("bn1.bias").is_some());
    let grey = Tensor::zeros([64, 1, 7, 7], (Kind::Float, Device::Cpu));
    tensors.insert("conv1.weight".to_owned(), grey);
    let half = Tensor::ones([1000], (Kind::Half, Device::Cpu));
    tensors.insert("fc.bias".to_owned(), half);
    let extra = Tensor::zeros([2], (Kind::Float, Device::Cpu));
    tensors.insert("aux.weight".to_owned(), extra);
    let tensors: Vec<_> = tensors.into_iter().collect();
    write(&path, &tensors);

    let (_store, variables) = network();
    let before: Vec<Tensor> = variables.iter().map(|(_, v)| v.copy()).collect();
    let error = import(&path, &variables, &ImportOptions::default()).unwrap_err();
    let message = error.to_string();
    for part in [
        "bn1.bias is missing",
        "conv1.weight has shape [64, 1, 7, 7], expected [64, 3, 7, 7]",
        "fc.bias is of kind F16, expected Float",
        "aux.weight is left over",
        "odd.safetensors",
    ] {
        assert!(message.contains(part), "{message}");
    }
    for ((name, now), before) in variables.iter().zip(&before) {
        assert!(now.equal(before), "{name} was changed");
    }

    // What is allowed by name is reported; what isn't stays an error.
    let mut options = ImportOptions {
        allow_missing: vec!["bn1.*".to_owned()],
        allow_extra: vec!["aux*".to_owned()],
        convert_floats: true,
        input_layers: Vec::new(),
    };
    let message = import(&path, &variables, &options).unwrap_err().to_string();
    assert!(message.contains("conv1.weight") && !message.contains("fc.bias"));
    let without: Vec<_> = tensors
        .into_iter()
        .filter(|(name, _)| name != "conv1.weight")
        .collect();
    write(&path, &without);
    options.allow_missing.push("conv1.weight".to_owned());
    let report = import(&path, &variables, &options).unwrap();
    assert_eq!(report.missing, ["bn1.bias", "conv1.weight"]);
    assert_eq!(report.extra, ["aux.weight"]);
    assert_eq!(report.converted, ["fc.bias"]);
    let (_, bias) = variables
        .iter()
        .find(|(name, _)| name == "fc.bias")
        .unwrap();
    assert_eq!(bias.sum(Kind::Float).double_value(&[]), 1000.0);
}

/// ```python
/// from timm.models._manipulate import adapt_input_conv
/// w = torch.arange(6.).view(2, 3, 1, 1)
/// for n in (1, 2, 3, 4): print(n, adapt_input_conv(n, w).flatten().tolist())
/// ```
#[test]
fn a_layer_for_colours_is_fitted_to_other_channels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("colours.safetensors");
    let weight = Tensor::arange(6, (Kind::Half, Device::Cpu)).view([2, 3, 1, 1]);
    write(&path, &[("conv1.weight".to_owned(), weight)]);
    let options = ImportOptions {
        convert_floats: true,
        input_layers: vec!["conv1.weight".to_owned()],
        ..ImportOptions::default()
    };
    for (channels, expected) in [
        (1, vec![3.0, 12.0]),
        (2, vec![0.0, 1.5, 4.5, 6.0]),
        (3, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        (4, vec![0.0, 0.75, 1.5, 0.0, 2.25, 3.0, 3.75, 2.25]),
    ] {
        let variable = Tensor::zeros([2, channels, 1, 1], (Kind::Float, Device::Cpu));
        let variables = [("conv1.weight".to_owned(), variable.shallow_clone())];
        let report = import(&path, &variables, &options).unwrap();
        assert_eq!(report.fitted.is_empty(), channels == 3);
        let got = Vec::<f32>::try_from(variable.flatten(0, -1)).unwrap();
        assert_eq!(got, expected, "{channels}");
    }
    // Of another kernel, or not said to see the input: refused.
    for (shape, options) in [
        ([2, 1, 3, 3], options),
        ([2, 1, 1, 1], ImportOptions::default()),
    ] {
        let variable = Tensor::zeros(shape, (Kind::Half, Device::Cpu));
        let variables = [("conv1.weight".to_owned(), variable)];
        let error = import(&path, &variables, &options).unwrap_err().to_string();
        assert!(error.contains("conv1.weight has shape"), "{error}");
    }
}

#[test]
fn names_that_fall_together_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let one = |name: &str| (name.to_owned(), Tensor::from_slice(&[1f32]));
    let merge = || NameTable::new().prefix("b", "a");
    let message = export_weights(&path, &[one("a"), one("b")], &merge()).unwrap_err();
    assert!(message.to_string().contains("named a"), "{message}");
    write(&path, &[one("a"), one("b")]);
    let variables = [one("a")];
    let message = import_weights(&path, &variables, &merge(), &ImportOptions::default());
    let message = message.unwrap_err().to_string();
    assert!(message.contains("a and b are both named a"), "{message}");
}

#[test]
fn what_is_no_safetensors_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.safetensors");
    write(&good, &[("a".to_owned(), Tensor::from_slice(&[1f32, 2.0]))]);
    let good = fs::read(good).unwrap();
    let cut = &good[..good.len() - 1];
    for (name, bytes, expected) in [
        // First bytes of what `torch.save` writes, now and before PyTorch 1.6.
        (
            "zip.pth",
            b"PK\x03\x04\x00\x00\x08\x08".as_slice(),
            "pth_to_safetensors.py",
        ),
        (
            "old.safetensors",
            b"\x80\x02\x8a\nl\xfc\x9c".as_slice(),
            "pth_to_safetensors.py",
        ),
        (
            "empty.safetensors",
            b"".as_slice(),
            "not a safetensors file",
        ),
        ("cut.safetensors", cut, "not a safetensors file"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let message = import(&path, &[], &ImportOptions::default())
            .unwrap_err()
            .to_string();
        assert!(
            message.contains(expected) && message.contains(name),
            "{message}"
        );
    }
    let missing = folder.path().join("missing.safetensors");
    let message = import(&missing, &[], &ImportOptions::default()).unwrap_err();
    assert!(matches!(message, WeightsError::Io { .. }));
}
