//! What an evaluation of a classifier writes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Undefined;
use crate::Summary;
use crate::report::Case;
use crate::statistics::CaseWarning;

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntervalMethod {
    /// Bootstrap of the mean over its cases, bias-corrected and accelerated.
    Bca,
    /// Wilson's score interval, for a proportion whose cases are all alike.
    Wilson,
    /// Percentiles of the figure over resamples stratified by reference class.
    StratifiedPercentile,
}

/// One figure with its interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassificationFigure {
    /// Value, interval and number of cases. Nothing is left out or penalised.
    #[serde(flatten)]
    pub summary: Summary,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undefined: Option<Undefined>,
    /// How the interval was made; none without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<IntervalMethod>,
    /// What to bear in mind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<CaseWarning>,
}

/// What `scarce evaluate --task classify` writes: keys as an
/// [`EvaluationReport`](crate::report::EvaluationReport) has them, and more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassificationReport {
    /// Each case's own figures: `accuracy` (1 or 0) and `brier`, where there are any.
    pub cases: Vec<Case>,
    /// Each figure.
    #[serde(rename = "mean")]
    pub figures: BTreeMap<String, ClassificationFigure>,
    /// What each figure means.
    pub definition: BTreeMap<String, String>,
    /// The classes, in order; of two, the second is the positive one.
    pub class_names: Vec<String>,
    /// Cases by reference class (rows) and predicted class (columns); none without predictions.
    pub confusion_matrix: Option<Vec<Vec<u64>>>,
}
