//! Which optimizer, and its settings.

use serde::{Deserialize, Serialize};

/// Which optimizer, and its settings. The learning rate comes with each step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// `torch.optim.SGD` without dampening.
    Sgd {
        /// Momentum, 0 for none.
        momentum: f64,
        /// Decay added to the gradient.
        weight_decay: f64,
        /// Whether the step looks ahead along the momentum.
        #[serde(default)]
        nesterov: bool,
    },
    /// `torch.optim.AdamW`: decoupled decay, bias correction.
    AdamW {
        /// Decay of the first moment.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// Added to the root of the second moment.
        eps: f64,
        /// Decoupled decay.
        weight_decay: f64,
    },
    /// timm's `Lamb`, which SparK pre-trains with (betas 0.9 and 0.95, `max_gradient_norm` 5).
    Lamb {
        /// Decay of the first moment.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// Added to the root of the second moment.
        #[serde(default = "lamb_eps")]
        eps: f64,
        /// Decay added to the update before its norm is taken.
        weight_decay: f64,
        /// Largest norm of all gradients together, clipped inside the optimizer; 0 for no limit.
        #[serde(default = "lamb_max_gradient_norm")]
        max_gradient_norm: f64,
        /// Whether moments are corrected for having begun at zero.
        #[serde(default = "yes")]
        bias_correction: bool,
        /// Whether trust ratios are at most 1 (LAMBC).
        #[serde(default)]
        trust_clip: bool,
        /// Whether parameters that are not decayed have a trust ratio, too.
        #[serde(default)]
        always_adapt: bool,
    },
}

impl OptimizerConfig {
    /// The decay of parameters that are decayed.
    pub fn weight_decay(&self) -> f64 {
        match *self {
            Self::Sgd { weight_decay, .. }
            | Self::AdamW { weight_decay, .. }
            | Self::Lamb { weight_decay, .. } => weight_decay,
        }
    }

    /// What the optimizer remembers of each parameter, by PyTorch's names.
    pub(super) fn moments(&self) -> &'static [&'static str] {
        match *self {
            Self::Sgd { momentum: 0.0, .. } => &[],
            Self::Sgd { .. } => &["momentum_buffer"],
            Self::AdamW { .. } | Self::Lamb { .. } => &["exp_avg", "exp_avg_sq"],
        }
    }

    /// Whether updates depend on how many there were.
    pub(super) fn counts_steps(&self) -> bool {
        !matches!(self, Self::Sgd { .. })
    }
}

fn lamb_eps() -> f64 {
    1e-6
}

fn lamb_max_gradient_norm() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}
