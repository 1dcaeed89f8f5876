//! One network out of a checkpoint.

use scarce_train::{load_variables, named_variables};
use tch::nn::VarStore;
use tch::{Device, Tensor};

use crate::vnet::VNet;
use crate::{CornError, SemiConfig};

/// What a branch's variables begin with that belong to its heads.
const HEADS: [&str; 2] = ["projection.", "prediction."];
const ENCODER: &str = "encoder.";

/// One network out of a checkpoint, without heads or gradients.
#[derive(Debug)]
pub struct TrainedNetwork {
    /// The network.
    pub network: VNet,
    _store: VarStore,
}

impl TrainedNetwork {
    /// The network `name` of a training with these settings, with the checkpoint's group `weights`; without a name the one
    /// that predicts.
    ///
    /// # Errors
    /// [`CornError::Setting`] for a network that such a training does not have; [`CornError::Train`] for weights that do not
    /// fit.
    pub fn load(
        config: &SemiConfig,
        name: Option<&str>,
        weights: &[(String, Tensor)],
        device: Device,
    ) -> Result<Self, CornError> {
        let branches = &config.branches;
        let name = name.unwrap_or_else(|| branches.predicts());
        let names = branches.names();
        let Some(index) = names.iter().position(|known| *known == name) else {
            let expected = "one of the training's networks";
            let got = format!("{name:?}, where there are {}", names.join(", "));
            return Err(CornError::setting("network", expected, got));
        };
        let mut store = VarStore::new(device);
        let network = VNet::new(&store.root(), &branches.network(index, &config.network))?;
        let first = format!("{}.", names[0]);
        let own = format!("{name}.");
        let source: Vec<(String, Tensor)> = weights
            .iter()
            .filter_map(|(full, tensor)| {
                let rest = match full.strip_prefix(&own) {
                    Some(rest) => rest,
                    // Lent by the first network.
                    None if branches.share_encoder() => full
                        .strip_prefix(&first)
                        .filter(|rest| rest.starts_with(ENCODER))?,
                    None => return None,
                };
                let is_head = HEADS.iter().any(|head| rest.starts_with(head));
                (!is_head).then(|| (rest.to_owned(), tensor.shallow_clone()))
            })
            .collect();
        load_variables(&named_variables(&store), &source, "")?;
        store.freeze();
        Ok(Self {
            network,
            _store: store,
        })
    }
}
