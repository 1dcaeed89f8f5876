//! What came of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What came of a run; written as `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingSummary {
    /// Steps done, earlier sessions included.
    pub steps: u64,
    /// Loss of the last step; none when there was no step.
    pub final_loss: Option<f64>,
    /// Why it ended.
    #[serde(default)]
    pub outcome: Outcome,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All steps are done.
    #[default]
    Finished,
    /// Validation figures had not improved for long enough.
    StoppedEarly,
    /// The session's time was up; the run can be resumed.
    BudgetSpent,
}

impl fmt::Display for TrainingSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.final_loss {
            Some(loss) => write!(f, "final loss {loss} after {} steps", self.steps)?,
            None => write!(f, "no step taken, {} done before", self.steps)?,
        }
        match self.outcome {
            Outcome::Finished => Ok(()),
            Outcome::StoppedEarly => write!(f, ", stopped early: validation no longer improves"),
            Outcome::BudgetSpent => write!(f, ", stopped: the time is up; --resume goes on"),
        }
    }
}
