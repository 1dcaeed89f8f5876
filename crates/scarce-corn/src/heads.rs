//! Projection and prediction heads: from a voxel's features to what correlations compare.

use scarce_train::pytorch_init::{batch_norm, linear};
use serde::{Deserialize, Serialize};
use tch::Tensor;
use tch::nn::{self, BatchNorm, Linear, Module as _, ModuleT as _, Path};

use crate::CornError;

/// Which heads a branch has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum HeadsConfig {
    /// None: features are compared as they are.
    #[default]
    None,
    /// One layer, as wide as the features; anchors are stored before it and pass through it when they are drawn.
    Linear {},
    /// CORN's: layer, batch normalisation, rectifier, layer; anchors are stored behind it.
    Mlp {
        /// Width c' of what comes out: 64 in the paper, 32 in the authors' code.
        width: i64,
        /// Whether unlabelled features, and no anchors, pass through a second one of the kind (BYOL's predictor).
        prediction: bool,
    },
}

impl HeadsConfig {
    /// Refuses heads that cannot be built.
    ///
    /// # Errors
    /// [`CornError::Setting`] for a width out of range.
    pub fn check(&self) -> Result<(), CornError> {
        match self {
            Self::Mlp { width, .. } if !(1..=1 << 16).contains(width) => {
                Err(CornError::setting("heads.width", "1 to 65536", width))
            }
            _ => Ok(()),
        }
    }

    /// Whether anchors are stored before the head and pass through it when they are drawn.
    pub(crate) fn is_applied_when_drawn(&self) -> bool {
        matches!(self, Self::Linear {})
    }

    /// Width of what is stored of a branch with so many filters.
    pub(crate) fn stored_width(&self, base_filters: i64) -> i64 {
        match self {
            Self::None | Self::Linear {} => base_filters,
            Self::Mlp { width, .. } => *width,
        }
    }
}

/// A branch's heads.
#[derive(Debug)]
pub struct Heads {
    projection: Projection,
    prediction: Option<Mlp>,
}

#[derive(Debug)]
enum Projection {
    None,
    Linear(Linear),
    Mlp(Mlp),
}

impl Heads {
    /// Heads on features of `filters` channels: `projection.*` and `prediction.*` under `path`.
    ///
    /// # Errors
    /// As [`HeadsConfig::check`].
    pub fn new(path: &Path<'_>, config: &HeadsConfig, filters: i64) -> Result<Self, CornError> {
        config.check()?;
        let first = &(path / "projection");
        Ok(match *config {
            HeadsConfig::None => Self {
                projection: Projection::None,
                prediction: None,
            },
            HeadsConfig::Linear {} => Self {
                projection: Projection::Linear(linear(first, filters, filters)),
                prediction: None,
            },
            HeadsConfig::Mlp { width, prediction } => Self {
                projection: Projection::Mlp(Mlp::new(first, filters, width)),
                prediction: prediction.then(|| Mlp::new(&(path / "prediction"), width, width)),
            },
        })
    }

    /// Projects rows `(n, filters)`; with `train`, batch statistics.
    ///
    /// # Errors
    /// [`CornError::Rows`] for fewer than two rows in training, which have no variance to be normalised by.
    pub fn project(&self, rows: &Tensor, train: bool) -> Result<Tensor, CornError> {
        match &self.projection {
            Projection::None => Ok(rows.shallow_clone()),
            Projection::Linear(layer) => Ok(layer.forward(rows)),
            Projection::Mlp(mlp) => mlp.forward(rows, train),
        }
    }

    /// The prediction of what [`Self::project`] gave, where there is such a head.
    ///
    /// # Errors
    /// As [`Self::project`].
    pub fn predict(&self, projected: Tensor, train: bool) -> Result<Tensor, CornError> {
        match &self.prediction {
            None => Ok(projected),
            Some(mlp) => mlp.forward(&projected, train),
        }
    }
}

#[derive(Debug)]
struct Mlp {
    first: Linear,
    norm: BatchNorm,
    second: Linear,
}

impl Mlp {
    /// Named as a `torch.nn.Sequential` with a rectifier in the third place.
    fn new(path: &Path<'_>, from: i64, width: i64) -> Self {
        Self {
            first: linear(&(path / 0), from, width),
            norm: nn::batch_norm1d(path / 1, width, batch_norm()),
            second: linear(&(path / 3), width, width),
        }
    }

    fn forward(&self, rows: &Tensor, train: bool) -> Result<Tensor, CornError> {
        let (n, _) = rows.size2()?;
        if train && n < 2 {
            return Err(CornError::Rows { rows: n });
        }
        let hidden = self.norm.forward_t(&self.first.forward(rows), train);
        Ok(self.second.forward(&hidden.f_relu()?))
    }
}
