//! What a figure is when a mask is empty.

use serde::{Deserialize, Serialize};

use super::EmptyPolicy;
use super::overlap::Counts;

/// One figure of one case.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The figure; none where it is undefined.
    pub value: Option<f64>,
    /// Whether an empty-mask policy put it there.
    pub penalised: bool,
}

impl Measured {
    /// Whatever the policy.
    pub(crate) fn plain(value: f64) -> Self {
        Self {
            value: Some(value),
            penalised: false,
        }
    }

    fn penalty(value: f64) -> Self {
        Self {
            value: Some(value),
            penalised: true,
        }
    }
}

/// The policy for one pair of masks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settlement {
    pub(crate) policy: EmptyPolicy,
    pub(crate) counts: Counts,
}

impl Settlement {
    /// The figure that was measured; `at_best` for two empty masks, for they agree; and where it is
    /// undefined, by the policy, `at_worst` being the worst that this image allows.
    pub(crate) fn of(&self, measured: Option<f64>, at_best: f64, at_worst: f64) -> Measured {
        let legacy = self.policy == EmptyPolicy::LegacyZero;
        if self.counts.both_empty() {
            return if legacy {
                Measured::penalty(0.0)
            } else {
                Measured::plain(at_best)
            };
        }
        match (measured, self.policy) {
            (Some(value), _) => Measured::plain(value),
            (None, EmptyPolicy::LegacyZero) => Measured::penalty(0.0),
            (None, EmptyPolicy::WorstCase) => Measured::penalty(at_worst),
            (None, EmptyPolicy::Undefined) => Measured {
                value: None,
                penalised: false,
            },
        }
    }
}
