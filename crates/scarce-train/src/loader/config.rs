//! How much is read ahead, and by how many.

use serde::{Deserialize, Serialize};

/// How much is read ahead, and by how many. No setting changes a byte of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoaderConfig {
    /// Threads that read; 0 reads on the training thread when a batch is asked for.
    pub workers: usize,
    /// Batches kept ready or in the making beyond the one in use; at least 1 counts.
    pub prefetch_batches: usize,
}

impl Default for LoaderConfig {
    fn default() -> Self {
        Self {
            workers: 2,
            prefetch_batches: 2,
        }
    }
}
