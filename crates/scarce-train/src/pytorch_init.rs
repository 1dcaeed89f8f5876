//! PyTorch's default initialisation, which differs from tch's.
//!
//! tch 0.24 draws convolution and linear weights √6 times wider than PyTorch, zeroes their biases
//! and draws batch-norm weights from U(0, 1) instead of setting them to 1.

use scarce_image::{Seed, StreamKey};
use tch::nn::{self, BatchNormConfig, Init, Linear, LinearConfig, Path};

/// Seeds libtorch's generator for drawing a network's first weights.
pub fn seed_initialisation(seed: Seed) {
    tch::manual_seed(seed.derive(StreamKey {
        epoch: 0,
        sample_id: "",
        purpose: "init",
    }));
}

/// U(±1/√`fan_in`), PyTorch's default for the weights and biases of `Conv*d`, `ConvTranspose*d` and
/// `Linear` (Kaiming-uniform with a = √5). `fan_in` is `weight.size(1)` times the kernel's volume,
/// for transposed convolutions too.
pub fn uniform_fan_in(fan_in: i64) -> Init {
    let bound = 1.0 / (fan_in.max(1) as f64).sqrt();
    Init::Uniform {
        lo: -bound,
        up: bound,
    }
}

/// A linear layer with bias from PyTorch's initialisation: `weight` and `bias` under `path`.
pub fn linear(path: &Path<'_>, from: i64, to: i64) -> Linear {
    let init = uniform_fan_in(from);
    let config = LinearConfig {
        ws_init: init,
        bs_init: Some(init),
        bias: true,
    };
    nn::linear(path, from, to, config)
}

/// U(±√(6/(`from` + `to`))), `torch.nn.init.xavier_uniform_` for a matrix of so many inputs and outputs.
pub fn xavier_uniform(from: i64, to: i64) -> Init {
    let bound = (6.0 / (from + to) as f64).sqrt();
    Init::Uniform {
        lo: -bound,
        up: bound,
    }
}

/// Batch normalisation with γ = 1, β = 0, ε = 1e-5 and momentum 0.1.
pub fn batch_norm() -> BatchNormConfig {
    BatchNormConfig {
        ws_init: Init::Const(1.0),
        bs_init: Init::Const(0.0),
        ..Default::default()
    }
}
