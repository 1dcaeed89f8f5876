//! Whether the trainer waits for its data.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a loader has done since its first batch was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LoaderStats {
    /// Batches handed over.
    pub batches: u64,
    /// Samples in them.
    pub samples: u64,
    /// Seconds the trainer stood waiting for batches.
    pub wait_s: f64,
    /// Seconds since the first batch was asked for.
    pub total_s: f64,
    /// Seconds that reading took, added up over the workers.
    pub read_s: f64,
}

impl LoaderStats {
    /// The share of the time that the trainer waited, 0 to 1; 0 before the first batch. Near 0 the
    /// workers hide reading; near 1 the run is as fast as its data.
    pub fn data_wait_share(&self) -> f64 {
        if self.total_s > 0.0 {
            (self.wait_s / self.total_s).min(1.0)
        } else {
            0.0
        }
    }
}

/// A running sum of time that another thread, or a progress line, can read.
#[derive(Debug, Clone, Default)]
pub struct DataWait(Arc<AtomicU64>);

impl DataWait {
    /// Seconds so far.
    pub fn seconds(&self) -> f64 {
        Duration::from_nanos(self.0.load(Ordering::Relaxed)).as_secs_f64()
    }

    /// Adds to the sum.
    pub fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }
}
