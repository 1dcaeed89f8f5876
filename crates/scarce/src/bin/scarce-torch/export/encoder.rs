//! An encoder, perhaps with a classifier, as one graph.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use scarce_cli::arguments::ExportArguments;
use scarce_cli::exit::UsageError;
use scarce_mim::encoder::{Architecture, Encoder, EncoderConfig, build};
use scarce_mim::export::{LinearHead, encoder_graph, encoder_outputs};
use scarce_train::interchange::{ImportOptions, NameTable, import_weights};
use scarce_train::named_variables;
use scarce_vlm::onnx::{Model, ModelInput, SessionOptions};
use serde_json::{Value, json};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use super::{Apart, array, write};

/// What a classifier's layer is called.
const HEADS: [&str; 3] = ["fc.", "head.fc.", "head."];
/// Writes the graph, and compares it in ONNX Runtime first.
pub fn export(arguments: &ExportArguments, model: &str, weights: &Path) -> anyhow::Result<Value> {
    let architecture = Architecture::ALL
        .into_iter()
        .find(|architecture| architecture.name() == model)
        .ok_or_else(|| {
            let names = Architecture::ALL.map(Architecture::name).join(", ");
            UsageError(format!(
                "unknown encoder {model:?}: expected one of {names}"
            ))
        })?;
    let config = EncoderConfig {
        in_channels: arguments.channels,
        ..EncoderConfig::named(architecture)
    };
    let store = VarStore::new(Device::Cpu);
    let encoder = build(&store.root(), &config)?;
    // The V-Net's own names begin so.
    let prefix = match architecture {
        Architecture::VNetVolume => ("encoder.encoder.", "encoder."),
        _ => ("encoder.", ""),
    };
    let names = NameTable::torchvision()
        .prefix(prefix.0, prefix.1)
        .leave_out("fc.*")
        .leave_out("head.*")
        .leave_out("densify.*")
        .leave_out("decoder.*");
    let options = ImportOptions::default();
    import_weights(weights, &named_variables(&store), &names, &options)?;
    let head = head(weights, encoder.as_ref())?;
    let bytes = encoder_graph(encoder.as_ref(), &config, head.as_ref())?.into_bytes();
    let session = SessionOptions::default();
    let mut model = Model::from_bytes(architecture.name(), &arguments.onnx, &bytes, &session)?;
    let apart = compare(encoder.as_ref(), &config, head.as_ref(), &mut model)?;
    write(&arguments.onnx, &bytes)?;
    Ok(json!({
        "model": architecture.name(),
        "classes": head.map(|head| head.bias.numel()),
        "apart": apart,
        "onnx": arguments.onnx,
    }))
}

/// The classifier in a file of weights, where there is one.
fn head(path: &Path, encoder: &dyn Encoder) -> anyhow::Result<Option<LinearHead>> {
    let tensors: BTreeMap<String, Tensor> = Tensor::read_safetensors(path)
        .with_context(|| format!("cannot read {}", path.display()))?
        .into_iter()
        .collect();
    let channels = encoder.maps().last().map_or(0, |map| map.channels);
    for prefix in HEADS {
        let of = |name: &str| tensors.get(&format!("{prefix}{name}"));
        let (Some(weight), Some(bias)) = (of("weight"), of("bias")) else {
            continue;
        };
        // A norm's scale and shift are vectors, and no classifier.
        if weight.dim() != 2 {
            continue;
        }
        let (classes, from) = weight.size2()?;
        ensure!(
            from == channels && bias.size() == [classes],
            "{prefix}weight has shape {:?}, expected (classes, {channels}): {}",
            weight.size(),
            path.display()
        );
        let norm = match ["head.norm.weight", "head.norm.bias"].map(|name| tensors.get(name)) {
            [Some(scale), Some(shift)] => Some([scale, shift].map(|t| t.to_kind(Kind::Float))),
            _ => None,
        };
        return Ok(Some(LinearHead {
            weight: weight.to_kind(Kind::Float),
            bias: bias.to_kind(Kind::Float),
            norm,
        }));
    }
    Ok(None)
}

/// Runs the graph and the network on noise of two sizes; how far each output is off at most.
fn compare(
    encoder: &dyn Encoder,
    config: &EncoderConfig,
    head: Option<&LinearHead>,
    model: &mut Model,
) -> anyhow::Result<BTreeMap<String, f64>> {
    tch::manual_seed(0);
    let mut apart = Apart::default();
    let stride = config.stride() as i64;
    for (batch, cells) in [(1, [2, 2, 2]), (2, [1, 3, 2])] {
        let mut size = vec![batch, config.in_channels];
        let sides = cells.iter().rev().take(config.architecture.dimensions());
        size.extend(sides.map(|cells| cells * stride));
        let image = Tensor::randn(size.as_slice(), (Kind::Float, Device::Cpu));
        let shown = array::<f32>(&image)?;
        let got = model.run_on(&[("image", ModelInput::Floats(shown.view()))])?;
        for (name, expected) in encoder_outputs(encoder, &image, head)? {
            apart.compare(&name, &expected, &got)?;
        }
    }
    Ok(apart.0)
}
