//! Why a figure has no value.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a figure has no value, where a number would be made up. Classes are counted from 0.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Undefined {
    /// A comparison of classes needs two.
    #[error("all cases are of one class")]
    OneClass,
    /// Predictions that never vary have no correlation with anything.
    #[error("all predictions are of one class")]
    OnePrediction,
    /// A share of no cases.
    #[error("no case is of class {class}")]
    ClassWithoutCases {
        /// The class.
        class: usize,
    },
    /// A share of no cases.
    #[error("no case is of another class than {class}")]
    NoOtherCases {
        /// The class.
        class: usize,
    },
    /// A share of no predictions.
    #[error("no case is predicted to be of class {class}")]
    NeverPredicted {
        /// The class.
        class: usize,
    },
    /// The table lacks the column it is made from.
    #[error("the table has no predictions, scores or probabilities for it")]
    NotGiven,
    /// Neither in the reference nor in the predictions.
    #[error("class {class} neither occurs nor is predicted")]
    ClassAbsent {
        /// The class.
        class: usize,
    },
}
