//! Every network of the crate, by name.

use tch::nn::Path;

use crate::encoder::{Architecture, EncoderConfig, build};
use crate::{MaeModel, MimError, SparkModel};

/// A network of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// An encoder by itself, under its architecture's name.
    Encoder(Architecture),
    /// The network that pre-trains it, `spark-` before that name.
    Spark(Architecture),
    /// The network that pre-trains a transformer, `mae-` before its name.
    Mae(Architecture),
}

impl Model {
    /// All of them, encoders first.
    pub fn all() -> impl Iterator<Item = Self> {
        let encoders = Architecture::ALL.into_iter().map(Self::Encoder);
        let whole = |architecture: Architecture| {
            if architecture.is_transformer() {
                Self::Mae(architecture)
            } else {
                Self::Spark(architecture)
            }
        };
        encoders.chain(Architecture::ALL.into_iter().map(whole))
    }

    /// The network of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::all().find(|model| model.name() == name)
    }

    /// Its name.
    pub fn name(self) -> String {
        match self {
            Self::Encoder(architecture) => architecture.name().to_owned(),
            Self::Spark(architecture) => format!("spark-{}", architecture.name()),
            Self::Mae(architecture) => format!("mae-{}", architecture.name()),
        }
    }

    /// Makes its variables under `path`, as published: three channels for images, one for volumes and for `small`, SparK's or
    /// MAE's decoder.
    ///
    /// # Errors
    /// [`MimError::Setting`] as [`EncoderConfig::check`].
    pub fn build(self, path: &Path<'_>) -> Result<(), MimError> {
        let (Self::Encoder(architecture) | Self::Spark(architecture) | Self::Mae(architecture)) =
            self;
        let is_grey = architecture.dimensions() == 3 || architecture == Architecture::Small;
        let config = EncoderConfig {
            in_channels: if is_grey { 1 } else { 3 },
            ..EncoderConfig::named(architecture)
        };
        match self {
            Self::Encoder(_) => drop(build(path, &config)?),
            Self::Spark(_) => drop(SparkModel::new(path, &config, SparkModel::DECODER_WIDTH)?),
            Self::Mae(_) => drop(MaeModel::new(path, &config, MaeModel::DECODER_WIDTH)?),
        }
        Ok(())
    }
}
