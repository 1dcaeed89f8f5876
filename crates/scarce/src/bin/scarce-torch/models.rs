//! `info --models` and `info --model`: which networks there are, and what one is made of.

use std::path::Path;

use scarce_cli::exit::UsageError;
use scarce_cli::json_output;
use scarce_corn::models::Model as SemiModel;
use scarce_mim::models::Model;
use scarce_train::named_variables;
use serde_json::json;
use tch::Device;
use tch::nn::VarStore;

/// Prints the names, or writes them as JSON.
pub fn list(json: Option<&Path>) -> anyhow::Result<()> {
    json_output::tell(json, &json!({ "models": names() }))
}

/// Prints a network's parameters, or writes them as JSON.
pub fn describe(name: &str, json: Option<&Path>) -> anyhow::Result<()> {
    json_output::tell(json, &model(name)?)
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = Model::all().map(Model::name).collect();
    names.extend(SemiModel::ALL.map(|model| model.name().to_owned()));
    names
}

fn model(name: &str) -> anyhow::Result<serde_json::Value> {
    let store = VarStore::new(Device::Cpu);
    match (Model::by_name(name), SemiModel::by_name(name)) {
        (Some(model), _) => model.build(&store.root())?,
        (None, Some(model)) => model.build(&store.root())?,
        (None, None) => {
            let message = format!(
                "unknown model {name:?}: expected one of {}",
                names().join(", ")
            );
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
