//! A checkpoint is one folder: tensors as safetensors, the rest as JSON, each file with its hash.
//!
//! ```text
//! last/
//!   weights.safetensors    one file a group of tensors
//!   optimizer.safetensors
//!   ema.safetensors
//!   state.json             where the run stood, and the BLAKE3 of each file above
//!   state.blake3           the BLAKE3 of state.json, as `b3sum` writes it
//! ```

mod exact;
mod fault;
mod files;
mod load;
mod matching;
mod save;
mod state;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tch::Tensor;

use crate::TrainError;

pub use fault::{CheckpointFault, TensorFault};
pub(crate) use files::{io, write_whole};
pub(crate) use load::{the_one_before, unfit};
pub(crate) use matching::check_tensors;
pub use matching::load_variables;
pub use state::{BestFigure, CheckpointState};

const STATE_FILE: &str = "state.json";
const SEAL_FILE: &str = "state.blake3";

/// A checkpoint in memory: groups of named tensors (`weights`, `optimizer`, …) and the state.
#[derive(Debug)]
pub struct Checkpoint {
    /// Tensors by group; each group is a file `<group>.safetensors`.
    pub groups: BTreeMap<String, Vec<(String, Tensor)>>,
    /// Where the run stood.
    pub state: CheckpointState,
}

impl Checkpoint {
    /// The tensors of one group.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] when the checkpoint has no such group.
    pub fn group(&self, name: &str) -> Result<&[(String, Tensor)], TrainError> {
        self.groups
            .get(name)
            .map(Vec::as_slice)
            .ok_or_else(|| TrainError::Checkpoint {
                message: format!("has no group `{name}`"),
                path: PathBuf::from("checkpoint"),
            })
    }

    /// The tensors of a group that may have none.
    pub(crate) fn group_or_none(&self, name: &str) -> &[(String, Tensor)] {
        self.groups.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
