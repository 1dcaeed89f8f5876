//! How long and how to train.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Value;

use super::validation::ValidationConfig;
use crate::{
    EmaConfig, GroupsConfig, NonFinitePolicy, OptimizerConfig, Precision, Schedule, TrainError,
};

/// Keys that change no step's result: a resumed run may have other values.
const FREE_KEYS: [&str; 6] = [
    "steps",
    "checkpoint_every",
    "log_every",
    "wall_clock_budget_s",
    "resume_elsewhere",
    "max_roll_backs",
];

/// How long and how to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoopConfig {
    /// Updates to do.
    pub steps: u64,
    /// Batches whose gradients are averaged for one update.
    pub accumulate: u64,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Its course.
    pub schedule: Schedule,
    /// The optimizer.
    pub optimizer: OptimizerConfig,
    /// Which parameters are decayed, and which learn more slowly.
    pub groups: GroupsConfig,
    /// Weight decay at the last step, reached from the optimizer's along half a cosine (SparK: 0.04 to
    /// 0.2); left out, it stays.
    pub weight_decay_end: Option<f64>,
    /// Largest norm of all gradients together; larger ones are scaled down to it. 0 for no limit.
    pub clip_gradient_norm: f64,
    /// What the forward pass computes in.
    pub precision: Precision,
    /// Whether convolutions keep channels innermost in memory.
    pub channels_last: bool,
    /// An average of the weights, kept beside them; left out, there is none.
    pub ema: Option<EmaConfig>,
    /// When the task is asked for validation figures, and what follows from them.
    pub validation: ValidationConfig,
    /// What is done about a loss or gradient that is not finite.
    pub non_finite: NonFinitePolicy,
    /// How many steps may be passed over by rolling back, in the whole run.
    pub max_roll_backs: usize,
    /// Steps between checkpoints; one is always written at the end.
    pub checkpoint_every: u64,
    /// Steps between lines of the log where progress is not shown on a terminal; every step goes to `metrics.jsonl`.
    pub log_every: u64,
    /// Seconds after which a session saves and stops; 0 for no limit. The clock decides only where it
    /// stops: resumed, the run ends as if it had not.
    pub wall_clock_budget_s: f64,
    /// Resume with another number of threads or processes. Results then differ in their last digits.
    pub resume_elsewhere: bool,
}

impl Default for LoopConfig {
    fn default() -> Self {
        Self {
            steps: 300,
            accumulate: 1,
            learning_rate: 1e-3,
            schedule: Schedule::Cosine {
                warmup_steps: 20,
                start: 0.05,
                end: 0.01,
            },
            optimizer: OptimizerConfig::AdamW {
                beta1: 0.9,
                beta2: 0.999,
                eps: 1e-8,
                weight_decay: 0.01,
            },
            groups: GroupsConfig::default(),
            weight_decay_end: None,
            clip_gradient_norm: 5.0,
            precision: Precision::Fp32,
            channels_last: false,
            ema: None,
            validation: ValidationConfig::default(),
            non_finite: NonFinitePolicy::Fail,
            max_roll_backs: 3,
            checkpoint_every: 100,
            log_every: 25,
            wall_clock_budget_s: 0.0,
            resume_elsewhere: false,
        }
    }
}

impl LoopConfig {
    pub(super) fn check(&self) -> Result<(), TrainError> {
        let refuse = |key: &str, message: &str| {
            Err(TrainError::Config {
                key: key.to_owned(),
                message: message.to_owned(),
                origin: "the training's settings".to_owned(),
            })
        };
        if self.accumulate == 0 {
            return refuse("accumulate", "is 0, expected at least 1");
        }
        if let Some(ema) = &self.ema
            && !(0.0..=1.0).contains(&ema.decay)
        {
            return refuse("ema.decay", &format!("is {}, expected 0 to 1", ema.decay));
        }
        if self.validation.on_ema && self.ema.is_none() {
            return refuse("validation.on_ema", "is true, but there is no `ema`");
        }
        if self.validation.patience.is_some() && self.validation.figure.is_empty() {
            return refuse(
                "validation.patience",
                "is given, but no `figure` to judge by",
            );
        }
        for (key, value) in [
            ("learning_rate", self.learning_rate),
            ("clip_gradient_norm", self.clip_gradient_norm),
            ("wall_clock_budget_s", self.wall_clock_budget_s),
            ("groups.layer_decay", self.groups.layer_decay),
            ("weight_decay_end", self.weight_decay_end.unwrap_or(0.0)),
        ] {
            if !value.is_finite() || value < 0.0 {
                return refuse(key, &format!("is {value}, expected a number of at least 0"));
            }
        }
        Ok(())
    }

    /// What a checkpoint must agree on with the run that resumes from it: these settings under
    /// `training`, and the run's whole configuration.
    pub(super) fn settings(
        &self,
        resolved_config: &str,
    ) -> Result<BTreeMap<String, String>, TrainError> {
        let unreadable = |message: String| TrainError::Config {
            key: String::new(),
            message,
            origin: "the resolved configuration".to_owned(),
        };
        let whole: toml::Table = resolved_config
            .parse()
            .map_err(|error: toml::de::Error| unreadable(error.to_string().replace('\n', " ")))?;
        let own = Value::try_from(self).map_err(|error| unreadable(error.to_string()))?;
        let mut settings = BTreeMap::new();
        flatten("", &Value::Table(whole), &mut settings);
        flatten("training", &own, &mut settings);
        for key in FREE_KEYS {
            settings.remove(key);
            settings.remove(&format!("training.{key}"));
        }
        // A loader's settings change no byte of a batch, wherever a method has its own.
        settings.retain(|key, _| !key.contains(".loader."));
        Ok(settings)
    }
}

fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                flatten(&path, value, into);
            }
        }
        value => {
            into.insert(path.to_owned(), value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_no_step_is_not_held_against_a_resumed_run() {
        let resolved = "seed = 3\n[method]\nbatch = 2\n[method.loader]\nworkers = 5\n";
        let settings = LoopConfig::default().settings(resolved).unwrap();
        for (key, counts) in [
            ("seed", true),
            ("method.batch", true),
            ("method.loader.workers", false),
            ("training.learning_rate", true),
            ("training.steps", false),
        ] {
            assert_eq!(settings.contains_key(key), counts, "{key}");
        }
    }
}
