//! `info --model`: what a network is made of.

use std::path::Path;

use scarce_cli::exit::UsageError;
use scarce_cli::json_output;
use scarce_corn::vnet::{VNet, VNetConfig};
use scarce_mim::encoder::{EncoderConfig, build};
use scarce_train::named_variables;
use serde_json::json;
use tch::Device;
use tch::nn::VarStore;

/// Prints, or writes as JSON.
pub fn run(name: &str, json: Option<&Path>) -> anyhow::Result<()> {
    json_output::tell(json, &model(name)?)
}

fn model(name: &str) -> anyhow::Result<serde_json::Value> {
    let store = VarStore::new(Device::Cpu);
    match name {
        "vnet" => drop(VNet::new(&store.root(), &VNetConfig::default())?),
        "sparse-resnet" => drop(build(&store.root(), &EncoderConfig::default())?),
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
