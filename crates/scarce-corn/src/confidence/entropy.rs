//! Voxels of whose class a branch is little uncertain, the more of them the longer it trained.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::CornError;
use crate::losses::predictive_entropy;
use crate::ramp::Ramp;

/// UA-MT's threshold on entropy: (start + (1 − start) · ramp) · ln C for C classes, the whole of it being the most there can
/// be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntropyThreshold {
    /// Its share of ln C where the ramp is 0; 0.75 in UA-MT.
    pub start: f64,
    /// How it rises.
    pub ramp: Ramp,
}

impl EntropyThreshold {
    /// Refuses what is no threshold.
    ///
    /// # Errors
    /// [`CornError::Setting`] for a start outside 0 to 1, and as [`Ramp::check`].
    pub fn check(&self) -> Result<(), CornError> {
        if !(0.0..=1.0).contains(&self.start) {
            return Err(CornError::setting("entropy.start", "0 to 1", self.start));
        }
        self.ramp.check()
    }

    /// The threshold at a step counted from 0, in nats.
    pub fn at(&self, step: u64, classes: i64) -> f64 {
        (self.start + (1.0 - self.start) * self.ramp.at(step)) * (classes as f64).ln()
    }
}

/// Where the entropy of `(batch, class, …)` is below `threshold` nats: `(batch, …)`.
///
/// # Errors
/// [`CornError::Torch`] from libtorch.
pub fn below_entropy(probabilities: &Tensor, threshold: f64) -> Result<Tensor, CornError> {
    Ok(predictive_entropy(probabilities)?.f_lt(threshold)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(.75 + .25 * math.exp(-5 * (1 - t / 6000) ** 2)) * math.log(2)` for t of 0, 3000 and 6000.
    #[test]
    fn rises_as_uamts() {
        let threshold = EntropyThreshold {
            start: 0.75,
            ramp: Ramp::Continuous { steps: 6000.0 },
        };
        for (step, expected) in [
            (0, 0.5210279826612536),
            (3000, 0.5695078834600942),
            (6000, 0.6931471805599453),
        ] {
            let got = threshold.at(step, 2);
            assert!((got - expected).abs() < 1e-11, "{step}: {got}");
        }
    }
}
