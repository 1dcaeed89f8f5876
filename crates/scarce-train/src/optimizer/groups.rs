//! Which parameters are decayed, and which learn more slowly.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::OptimizerConfig;

/// How parameters are told apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupsConfig {
    /// Whether parameters of at most one dimension (norms) and those named `bias` are decayed. Where it
    /// is left out, as is usual: SGD decays them, AdamW and LAMB do not.
    pub decay_norms_and_biases: Option<bool>,
    /// Parameters with one of these in their name are never decayed, such as SparK's `cls_token`,
    /// `pos_embed`, `mask_token` and `gamma`.
    pub never_decayed: Vec<String>,
    /// The learning rate of layer k of n, counted from 0, is scaled by `layer_decay`^(n − 1 − k);
    /// [`crate::Task::layer`] says which layer a parameter belongs to.
    pub layer_decay: f64,
}

impl Default for GroupsConfig {
    fn default() -> Self {
        Self {
            decay_norms_and_biases: None,
            never_decayed: Vec::new(),
            layer_decay: 1.0,
        }
    }
}

/// A parameter's layer, for a learning rate that falls towards the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerDepth {
    /// The layer, from 0 at the input.
    pub layer: u32,
    /// How many layers there are, the head included.
    pub layers: u32,
}

/// How one parameter is updated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParameterSettings {
    /// Factor of the learning rate.
    pub learning_rate_scale: f64,
    /// Whether it is decayed.
    pub decays: bool,
}

impl GroupsConfig {
    /// How a parameter of this name is updated.
    pub fn settings(
        &self,
        optimizer: &OptimizerConfig,
        name: &str,
        parameter: &Tensor,
        depth: Option<LayerDepth>,
    ) -> ParameterSettings {
        let decays_all = self
            .decay_norms_and_biases
            .unwrap_or(matches!(optimizer, OptimizerConfig::Sgd { .. }));
        let norm_or_bias = parameter.dim() <= 1 || name.rsplit('.').next() == Some("bias");
        let named = self
            .never_decayed
            .iter()
            .any(|part| name.contains(part.as_str()));
        let above = depth.map_or(0, |d| d.layers.saturating_sub(1).saturating_sub(d.layer));
        ParameterSettings {
            learning_rate_scale: self.layer_decay.powf(f64::from(above)),
            decays: (decays_all || !norm_or_bias) && !named,
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    const SGD: OptimizerConfig = OptimizerConfig::Sgd {
        momentum: 0.9,
        weight_decay: 0.1,
        nesterov: false,
    };
    const ADAMW: OptimizerConfig = OptimizerConfig::AdamW {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weight_decay: 0.1,
    };

    #[test]
    fn tells_parameters_apart() {
        let none = GroupsConfig::default;
        let named = || GroupsConfig {
            never_decayed: vec!["mask_token".to_owned()],
            ..none()
        };
        let all = || GroupsConfig {
            decay_norms_and_biases: Some(true),
            ..none()
        };
        let (vector, matrix): (&[i64], &[i64]) = (&[3], &[3, 3]);
        for (groups, optimizer, name, shape, decays) in [
            (none(), SGD, "norm.weight", vector, true),
            (none(), ADAMW, "norm.weight", vector, false),
            (none(), ADAMW, "conv.bias", matrix, false),
            (none(), ADAMW, "conv.weight", matrix, true),
            (none(), ADAMW, "unbiased", matrix, true),
            (all(), ADAMW, "norm.weight", vector, true),
            (named(), ADAMW, "mask_tokens.0", matrix, false),
            (named(), SGD, "mask_tokens.0", matrix, false),
        ] {
            let parameter = Tensor::zeros(shape, (Kind::Float, Device::Cpu));
            let got = groups.settings(&optimizer, name, &parameter, None);
            assert_eq!(got.decays, decays, "{name} under {optimizer:?}");
        }
    }

    /// SparK's fine-tuning of a ResNet-50: stem 0 … fc 7, scale 0.7^(7 − id).
    #[test]
    fn learning_rates_fall_towards_the_input() {
        let groups = GroupsConfig {
            layer_decay: 0.7,
            ..GroupsConfig::default()
        };
        let parameter = Tensor::zeros([2, 2], (Kind::Float, Device::Cpu));
        for (depth, expected) in [
            (None, 1.0),
            (Some((7, 8)), 1.0),
            (Some((6, 8)), 0.7),
            (Some((0, 8)), 0.0823543),
        ] {
            let depth = depth.map(|(layer, layers)| LayerDepth { layer, layers });
            let got = groups.settings(&ADAMW, "w", &parameter, depth);
            assert!(
                (got.learning_rate_scale - expected).abs() < 1e-12,
                "{got:?}"
            );
        }
    }
}
