//! `info`: what a file holds, or what a network is made of.

use scarce_corn::vnet::{VNet, VNetConfig};
use scarce_mim::encoder::{EncoderConfig, SparseEncoder};
use scarce_train::named_variables;
use serde_json::json;
use tch::Device;
use tch::nn::VarStore;

use crate::cli::InfoArguments;
use crate::exit::UsageError;
use crate::json_output;

/// Prints, or writes as JSON.
pub fn run(arguments: &InfoArguments) -> anyhow::Result<()> {
    let findings = match (&arguments.file, &arguments.model) {
        (Some(path), _) => serde_json::to_value(scarce_io::info(path)?)?,
        (None, Some(name)) => model(name)?,
        (None, None) => return Err(UsageError("name a file or a --model".to_owned()).into()),
    };
    if let Some(path) = &arguments.json {
        return json_output::write(path, &findings);
    }
    for (name, value) in findings.as_object().into_iter().flatten() {
        tracing::info!("{name}: {value}");
    }
    Ok(())
}

fn model(name: &str) -> anyhow::Result<serde_json::Value> {
    let store = VarStore::new(Device::Cpu);
    match name {
        "vnet" => drop(VNet::new(&store.root(), &VNetConfig::default())?),
        "sparse-resnet" => drop(SparseEncoder::new(&store.root(), &EncoderConfig::default())),
        other => {
            let message = format!("unknown model {other:?}: expected vnet or sparse-resnet");
            return Err(UsageError(message).into());
        }
    }
    let variables = named_variables(&store);
    let parameters: usize = variables
        .iter()
        .filter(|(_, t)| t.requires_grad())
        .map(|(_, t)| t.numel())
        .sum();
    let names: serde_json::Map<String, serde_json::Value> = variables
        .iter()
        .map(|(name, tensor)| (name.clone(), json!(tensor.size())))
        .collect();
    Ok(json!({ "model": name, "parameters": parameters, "variables": names }))
}
