//! Where in a picture a prompt is: three ways to ask a pair of towers.

mod dense;
mod m2ib;
mod noise;
mod occlusion;

pub use dense::{Dense, DenseOptions, DenseScale};
pub use m2ib::{Information, M2ib, M2ibOptions};
pub use noise::NoiseStream;
pub use occlusion::{Occlusion, OcclusionOptions};

use serde::{Deserialize, Serialize};

/// Which way, and its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "method")]
pub enum SaliencyOptions {
    /// What must not be lost in noise for the picture to stay near to the prompt: the papers' way.
    M2ib(M2ibOptions),
    /// Which patches are near to the prompt by themselves: one look, no gradient.
    Dense(DenseOptions),
    /// Where a cover takes the picture away from the prompt: many looks, and nothing but the towers' answer.
    Occlusion(OcclusionOptions),
}

impl Default for SaliencyOptions {
    fn default() -> Self {
        Self::M2ib(M2ibOptions::default())
    }
}

/// Cosine of two vectors, each of a length of at least 1e-6.
pub(super) fn cosine(a: ndarray::ArrayView1<'_, f32>, b: ndarray::ArrayView1<'_, f32>) -> f32 {
    let dot = |a: &ndarray::ArrayView1<'_, f32>, b: &ndarray::ArrayView1<'_, f32>| -> f64 {
        (a.iter().zip(b))
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    let length = |v| dot(v, v).sqrt().max(1e-6);
    (dot(&a, &b) / (length(&a) * length(&b))) as f32
}
