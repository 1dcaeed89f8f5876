//! A mean over cases as records carry it.

use serde::{Deserialize, Serialize};

/// A mean over cases and how far to trust it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Mean of the defined cases; none if there is none.
    pub value: Option<f64>,
    /// Lower end of the 95 % interval; none below two cases.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Cases in the mean.
    pub n: usize,
    /// Cases left out for being undefined.
    pub n_undefined: usize,
    /// Cases in the mean that an empty-mask policy scored.
    pub n_penalised: usize,
}
