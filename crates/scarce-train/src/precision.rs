//! What a forward pass computes in.

use serde::{Deserialize, Serialize};

/// What a forward pass computes in. Parameters, gradients and moments are 32-bit floats in either case; there is
/// no 16-bit float with 5 exponent bits, and so no loss scaling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats throughout.
    #[default]
    Fp32,
    /// Convolutions and matrix products in bfloat16: by libtorch's autocast where
    /// [`crate::TrainingHooks::autocast`] brings it, else by the task's own casts
    /// ([`crate::Task::compute_in`]); a training that has neither is refused.
    Bf16,
}
