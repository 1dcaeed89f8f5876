//! Validation: when, what counts as better, and when to give up.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{BestFigure, CheckpointState, TrainError};

/// When the task is asked for validation figures, and what follows from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidationConfig {
    /// Steps between validations; one is always done at the end. 0 for none.
    pub every: u64,
    /// The figure by which `checkpoints/best` is chosen; empty for no best.
    pub figure: String,
    /// What is better.
    pub goal: Goal,
    /// Validations without a better figure after which training stops; left out, it does not.
    pub patience: Option<u64>,
    /// Whether the averaged weights are validated in place of the trained ones.
    pub on_ema: bool,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self {
            every: 0,
            figure: String::new(),
            goal: Goal::Maximise,
            patience: None,
            on_ema: false,
        }
    }
}

/// Which way a figure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// Such as a Dice coefficient.
    Maximise,
    /// Such as a distance.
    Minimise,
}

impl ValidationConfig {
    /// Whether there is a validation after `done` of `total` steps.
    pub(super) fn is_due(&self, done: u64, total: u64) -> bool {
        self.every > 0 && (done.is_multiple_of(self.every) || done == total)
    }

    /// Takes note of a validation after `state.step` steps; true where it is the best so far. A figure that
    /// is not a number is never better.
    pub(super) fn judge(
        &self,
        figures: &[(String, f64)],
        state: &mut CheckpointState,
    ) -> Result<bool, TrainError> {
        if self.figure.is_empty() {
            return Ok(false);
        }
        let value = figures
            .iter()
            .find(|(name, _)| *name == self.figure)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let known: BTreeSet<&str> = figures.iter().map(|(n, _)| n.as_str()).collect();
                TrainError::Config {
                    key: "validation.figure".to_owned(),
                    message: format!("`{}` is not among {known:?}", self.figure),
                    origin: "what the validation gave".to_owned(),
                }
            })?;
        let better = match (&state.best, self.goal) {
            _ if value.is_nan() => false,
            (None, _) => true,
            (Some(best), Goal::Maximise) => value > best.value,
            (Some(best), Goal::Minimise) => value < best.value,
        };
        if better {
            state.validations_since_best = 0;
            state.best = Some(BestFigure {
                name: self.figure.clone(),
                value,
                step: state.step,
            });
        } else {
            state.validations_since_best += 1;
        }
        Ok(better)
    }

    /// Whether there were too many validations without a better figure.
    pub(super) fn gives_up(&self, state: &CheckpointState) -> bool {
        self.patience
            .is_some_and(|patience| state.validations_since_best >= patience.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_best_and_gives_up() {
        let nan = f64::NAN;
        for (goal, values, best, gives_up) in [
            (Goal::Maximise, &[0.5, 0.7, 0.6][..], Some((0.7, 2)), false),
            (Goal::Maximise, &[0.5, 0.7, 0.6, 0.7], Some((0.7, 2)), true),
            (Goal::Minimise, &[3.0, 2.0, nan, 1.0], Some((1.0, 4)), false),
            (Goal::Maximise, &[nan, nan], None, true),
        ] {
            let config = ValidationConfig {
                every: 1,
                figure: "dice".to_owned(),
                goal,
                patience: Some(2),
                on_ema: false,
            };
            let mut state = CheckpointState::default();
            for value in values {
                state.step += 1;
                let figures = [("dice".to_owned(), *value)];
                config.judge(&figures, &mut state).unwrap();
            }
            let got = state.best.as_ref().map(|best| (best.value, best.step));
            assert_eq!(got, best, "{goal:?} {values:?}");
            assert_eq!(config.gives_up(&state), gives_up, "{goal:?} {values:?}");
        }
    }

    #[test]
    fn an_absent_figure_is_named() {
        let config = ValidationConfig {
            figure: "dcie".to_owned(),
            ..ValidationConfig::default()
        };
        let figures = [("dice".to_owned(), 0.5)];
        let error = config
            .judge(&figures, &mut CheckpointState::default())
            .unwrap_err();
        assert!(
            error.to_string().contains("`dcie` is not among {\"dice\"}"),
            "{error}"
        );
    }
}
