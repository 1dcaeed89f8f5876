//! Every network of the crate, by name.

use tch::nn::Path;

use crate::CornError;
use crate::branch::parts;
use crate::heads::HeadsConfig;
use crate::vnet::{Upsampling, VNet, VNetConfig};

/// A network of this crate, as published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// One V-Net with transposed convolutions.
    VNet,
    /// The same for slices.
    VNet2d,
    /// CORN's two V-Nets with heads 64 wide: `main.*` and `auxiliary.*`.
    Corn,
    /// The same with heads 32 wide, as in the authors' code.
    Corn32,
    /// CAML's: as [`Self::Corn32`], with attention on the auxiliary encoder.
    Caml,
    /// MC-Net+'s three decoders on one encoder, that of `main.*`.
    McNet,
}

impl Model {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::VNet,
        Self::VNet2d,
        Self::Corn,
        Self::Corn32,
        Self::Caml,
        Self::McNet,
    ];

    /// The network of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::VNet => "vnet",
            Self::VNet2d => "vnet-2d",
            Self::Corn => "corn",
            Self::Corn32 => "corn-32",
            Self::Caml => "caml",
            Self::McNet => "mc-net",
        }
    }

    /// Makes its variables under `path`: one channel, two classes, 16 filters.
    ///
    /// # Errors
    /// [`CornError::NameTaken`] where a network lies there already.
    pub fn build(self, path: &Path<'_>) -> Result<(), CornError> {
        let with = |upsampling| VNetConfig {
            upsampling,
            ..VNetConfig::default()
        };
        let (main, auxiliary) = (&(path / "main"), &(path / "auxiliary"));
        match self {
            Self::VNet => drop(VNet::new(path, &VNetConfig::default())?),
            Self::VNet2d => {
                let config = VNetConfig {
                    dimensions: 2,
                    ..VNetConfig::default()
                };
                drop(VNet::new(path, &config)?);
            }
            Self::Corn | Self::Corn32 | Self::Caml => {
                let heads = HeadsConfig::Mlp {
                    width: if self == Self::Corn { 64 } else { 32 },
                    prediction: true,
                };
                drop(parts(main, &with(Upsampling::Transposed), &heads)?);
                let second = VNetConfig {
                    attention: self == Self::Caml,
                    ..with(Upsampling::Trilinear)
                };
                drop(parts(auxiliary, &second, &heads)?);
            }
            Self::McNet => {
                let first = VNet::new(main, &with(Upsampling::Transposed))?;
                VNet::sharing(auxiliary, &first, &with(Upsampling::Trilinear))?;
                let third = &(path / "third");
                VNet::sharing(third, &first, &with(Upsampling::Nearest))?;
            }
        }
        Ok(())
    }
}
