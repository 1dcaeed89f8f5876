//! Prediction, loss, every gradient and the running statistics are those of an independent computation in PyTorch, with
//! the same weights and mask (`data/spark.py`).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use scarce_mim::MaskedModel;
use scarce_mim::encoder::{Architecture, EncoderConfig};
use scarce_mim::loss::{LossOptions, patchify, reconstruction_loss, unpatchify};
use scarce_mim::sparse::{Active, Normalisation};
use scarce_train::named_variables;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

fn wave(count: usize, pace: f64, phase: f64) -> Tensor {
    (Tensor::arange(count as i64, (Kind::Double, Device::Cpu)) * pace + phase).sin()
}

fn fill(variables: &[(String, Tensor)]) {
    let _guard = tch::no_grad_guard();
    for (name, tensor) in variables
        .iter()
        .filter(|(name, _)| !name.contains("running"))
    {
        let phase: u32 = name.bytes().map(u32::from).sum::<u32>() % 101;
        let values = wave(tensor.numel(), 1.3, f64::from(phase)).view_as(tensor);
        let values = if tensor.dim() > 1 && !name.ends_with("token") {
            values * (2.0 * tensor.size()[0] as f64 / tensor.numel() as f64).sqrt()
        } else if name.ends_with("weight") {
            values * 0.2 + 1.0
        } else {
            values * 0.1
        };
        tensor.shallow_clone().copy_(&values);
    }
}

fn probes(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.detach().to_kind(Kind::Double).flatten(0, -1);
    let mut found = vec![flat.norm().double_value(&[])];
    for k in 0..3 {
        let k = f64::from(k);
        let product = flat.dot(&wave(flat.numel(), 0.9 * (k + 1.0), 0.3 * k));
        found.push(product.double_value(&[]));
    }
    found
}

/// Of a grid of 2 cells a side.
const QUARTERS: [f32; 8] = [1., 0., 0., 1., 0., 1., 0., 0.];

fn check(case: &str, config: &EncoderConfig, width: i64, shape: &[i64], visible: &[f32]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/spark.safetensors");
    let golden: BTreeMap<String, Tensor> = Tensor::read_safetensors(path)
        .unwrap()
        .into_iter()
        .collect();
    let golden = |name: &str| &golden[&format!("{case}.{name}")];
    let close = |what: &str, got: &Tensor, expected: &Tensor| {
        let expected = Vec::<f64>::try_from(expected).unwrap();
        for (got, value) in probes(got).iter().zip(&expected) {
            let apart = (got - value).abs();
            // A bias before a norm has no gradient but rounding.
            assert!(
                apart <= 1e-6 * expected[0] + 1e-9,
                "{case}, {what}: {got} {value}"
            );
        }
    };

    let mut store = VarStore::new(Device::Cpu);
    let network = MaskedModel::new(&store.root(), config, width).unwrap();
    store.double();
    let variables = named_variables(&store);
    fill(&variables);
    let count: i64 = shape.iter().product();
    let x = wave(count as usize, 0.11, 0.5) + wave(count as usize, 1.7, 0.0) * 0.3;
    let x = x.view(shape);
    let axes = shape.len() - 2;
    let in_sample = visible.len() as f64 / shape[0] as f64;
    let side = in_sample.powf(1.0 / axes as f64).round() as i64;
    let cells = vec![side; axes];
    let grid = [&[shape[0], 1], cells.as_slice()].concat();
    let visible = Tensor::from_slice(visible).view(grid.as_slice());

    let active = Active::new(&visible);
    let patches = network.predict(&x, &active, true).unwrap();
    let predicted = unpatchify(&patches, 1, &cells).unwrap();
    close("prediction", &predicted, golden("predicted"));
    let hidden = (visible.neg() + 1.0).flatten(1, -1);
    let loss = reconstruction_loss(
        &patches,
        &patchify(&x, shape[2] / side).unwrap(),
        &hidden,
        &hidden.zeros_like(),
        &LossOptions::SPARK,
    )
    .unwrap();
    let apart = loss.total.double_value(&[]) - golden("loss").double_value(&[]);
    assert!(apart.abs() < 1e-6, "{case}: the loss is {apart} off");
    loss.total.backward();
    let variables: BTreeMap<String, Tensor> = variables.into_iter().collect();
    let expected = golden("tensors");
    assert_eq!(expected.size(), [variables.len() as i64, 4], "{case}");
    for (k, (name, variable)) in variables.iter().enumerate() {
        let got = if variable.requires_grad() {
            variable.grad()
        } else {
            variable.shallow_clone()
        };
        close(name, &got, &expected.select(0, k as i64));
    }
}

#[test]
fn images_and_volumes_are_computed_as_in_pytorch() {
    let small = EncoderConfig {
        widths: Some([4, 4, 8, 8]),
        ..EncoderConfig::default()
    };
    check("small", &small, 16, &[2, 1, 32, 32], &QUARTERS);
    // Patches a quarter as wide as a cell of the last map.
    let fine: Vec<f32> = (0..2 * 8 * 8)
        .map(|k| f32::from(u8::from(k % 5 == 0 || k % 7 == 3)))
        .collect();
    check("fine", &small, 16, &[2, 1, 32, 32], &fine);
    let vit = EncoderConfig::named(Architecture::VitTiny);
    check("vit", &vit, 32, &[2, 1, 32, 32], &QUARTERS);
    let vnet = EncoderConfig {
        normalisation: Some(Normalisation::Instance),
        ..EncoderConfig::named(Architecture::VNetVolume)
    };
    check("vnet", &vnet, 16, &[1, 1, 32, 32, 32], &QUARTERS);
}
