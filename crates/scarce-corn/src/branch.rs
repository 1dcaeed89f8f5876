//! A network with its variables.

use tch::Device;
use tch::nn::{self, VarStore};

use crate::CornError;
use crate::vnet::{VNet, VNetConfig};

/// A network with its variables.
#[derive(Debug)]
pub struct Branch {
    /// Its variables.
    pub store: VarStore,
    /// The segmentation network.
    pub network: VNet,
    pub(crate) projection: nn::Linear,
}

impl Branch {
    /// A network with a projection head as wide as its features. Seed libtorch first.
    ///
    /// # Errors
    /// [`CornError::Setting`] for a network that cannot be built.
    pub fn new(config: &VNetConfig, device: Device) -> Result<Self, CornError> {
        let store = VarStore::new(device);
        let network = VNet::new(&store.root(), config)?;
        let width = config.base_filters;
        let init = scarce_train::pytorch_init::uniform_fan_in(width);
        let projection = nn::linear(
            store.root() / "projection",
            width,
            width,
            nn::LinearConfig {
                ws_init: init,
                bs_init: Some(init),
                bias: true,
            },
        );
        Ok(Self {
            store,
            network,
            projection,
        })
    }
}
