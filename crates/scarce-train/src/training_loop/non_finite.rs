//! What is done about numbers that are not finite.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::{RunFolder, TrainError};

/// What is done about a loss or gradient that is not finite. Either way the step changes no weight, and
/// `non-finite-step-<step>.json` in the run folder names its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NonFinitePolicy {
    /// Stop with [`TrainError::NonFinite`].
    Fail,
    /// Return to the last checkpoint, since the forward pass may have spoilt batch-norm statistics already,
    /// and pass over that step when it comes again. [`crate::LoopConfig::max_roll_backs`] limits how often.
    RollBack,
}

/// The record of a step that was not finite.
#[derive(Debug, Serialize)]
struct Record<'a> {
    step: u64,
    what: &'a str,
    value: String,
    sample_ids: &'a [String],
    figures: Vec<(&'a str, String)>,
}

/// Writes the record and gives the error.
pub(super) fn report(
    run: &RunFolder,
    step: u64,
    (what, value): (&str, f64),
    sample_ids: &[String],
    figures: &[(String, f64)],
) -> TrainError {
    let record = Record {
        step,
        what,
        value: value.to_string(),
        sample_ids,
        // As text, for JSON has no NaN.
        figures: figures
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_string()))
            .collect(),
    };
    let name = format!("non-finite-step-{step}.json");
    if let Err(error) = run.write_json(&name, &record) {
        tracing::warn!("{error}");
    }
    TrainError::NonFinite {
        what: what.to_owned(),
        step,
        value,
        samples: sample_ids.join(", "),
    }
}

/// The first tensor that is not finite throughout, with one of its values.
pub(super) fn first_non_finite(
    tensors: &[(String, Tensor)],
) -> Result<Option<(String, f64)>, TrainError> {
    let _guard = tch::no_grad_guard();
    for (name, tensor) in tensors {
        if !tensor.is_floating_point() || tensor.numel() == 0 {
            continue;
        }
        let finite = tensor.f_isfinite()?;
        if !bool::try_from(finite.f_all()?)? {
            let found = tensor.f_masked_select(&finite.f_logical_not()?)?;
            return Ok(Some((name.clone(), found.f_double_value(&[0])?)));
        }
    }
    Ok(None)
}
