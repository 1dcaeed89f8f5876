//! Where a run stood: what a checkpoint holds beside its tensors.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::exact;

/// The layout of a checkpoint's folder that this version writes and reads.
pub(super) const FORMAT: u32 = 2;

/// Where a run stood; `state.json`.
///
/// Together with the seed, `step` is the random state and the data cursor: libtorch's generator is
/// seeded anew at each step, and what a step draws is a function of seed and step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointState {
    /// The layout of the folder.
    pub format: u32,
    /// Steps done, skipped ones included.
    pub step: u64,
    /// Steps the run was to have when it was saved.
    pub total_steps: u64,
    /// The seed of the run.
    pub seed: u64,
    /// Threads libtorch used; another count rounds differently.
    pub threads: i32,
    /// Processes that trained together.
    pub processes: u32,
    /// What was configured, by dotted key; keys that change no step's result are left out.
    pub settings: BTreeMap<String, String>,
    /// Steps passed over because their loss was not finite, [`crate::NonFinitePolicy::RollBack`].
    pub skipped_steps: BTreeSet<u64>,
    /// Loss of the last step that was not skipped.
    #[serde(with = "exact::option")]
    pub last_loss: Option<f64>,
    /// The best validation so far.
    pub best: Option<BestFigure>,
    /// Validations since the best one.
    pub validations_since_best: u64,
    /// BLAKE3 of each tensor file, by name.
    pub blake3: BTreeMap<String, String>,
}

impl Default for CheckpointState {
    fn default() -> Self {
        Self {
            format: FORMAT,
            step: 0,
            total_steps: 0,
            seed: 0,
            threads: 1,
            processes: 1,
            settings: BTreeMap::new(),
            skipped_steps: BTreeSet::new(),
            last_loss: None,
            best: None,
            validations_since_best: 0,
            blake3: BTreeMap::new(),
        }
    }
}

/// The best value that a validation figure has had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BestFigure {
    /// The figure's name.
    pub name: String,
    /// Its value.
    #[serde(with = "exact")]
    pub value: f64,
    /// Steps done when it was measured.
    pub step: u64,
}
