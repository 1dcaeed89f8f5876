//! A network with its heads and variables.

use scarce_train::named_variables;
use tch::nn::{Path, VarStore};
use tch::{Device, Tensor};

use crate::CornError;
use crate::heads::{Heads, HeadsConfig};
use crate::vnet::{VNet, VNetConfig};

/// A network with its heads and variables.
#[derive(Debug)]
pub struct Branch {
    /// Its variables: the network's, `projection.*` and `prediction.*`.
    pub store: VarStore,
    /// The segmentation network.
    pub network: VNet,
    /// What correlations look through.
    pub heads: Heads,
}

impl Branch {
    /// A network with heads. Seed libtorch first.
    ///
    /// # Errors
    /// [`CornError::Setting`] for a network that cannot be built.
    pub fn new(
        config: &VNetConfig,
        heads: &HeadsConfig,
        device: Device,
    ) -> Result<Self, CornError> {
        let store = VarStore::new(device);
        let (network, heads) = parts(&store.root(), config, heads)?;
        Ok(Self {
            store,
            network,
            heads,
        })
    }

    /// A decoder and heads on the encoder of `other`.
    ///
    /// # Errors
    /// As [`VNet::sharing`].
    pub fn sharing(
        other: &Self,
        config: &VNetConfig,
        heads: &HeadsConfig,
    ) -> Result<Self, CornError> {
        let store = VarStore::new(other.store.device());
        let network = VNet::sharing(&store.root(), &other.network, config)?;
        let heads = Heads::new(&store.root(), heads, config.base_filters)?;
        Ok(Self {
            store,
            network,
            heads,
        })
    }

    /// The encoder's own variables, by their names in the network: `encoder.0.block.0.conv.weight` and so on. None for a
    /// branch that shares another's encoder.
    pub fn encoder_variables(&self) -> Vec<(String, Tensor)> {
        let all = named_variables(&self.store).into_iter();
        all.filter(|(name, _)| name.starts_with("encoder."))
            .collect()
    }
}

/// A network and its heads under one path.
pub(crate) fn parts(
    path: &Path<'_>,
    config: &VNetConfig,
    heads: &HeadsConfig,
) -> Result<(VNet, Heads), CornError> {
    let network = VNet::new(path, config)?;
    let heads = Heads::new(path, heads, config.base_filters)?;
    Ok((network, heads))
}
