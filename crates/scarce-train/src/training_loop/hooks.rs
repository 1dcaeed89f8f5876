//! What the world outside a training has to say to it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::TrainError;
use crate::distributed::{BatchNormPolicy, Group};

/// What the world outside a training has to say to it; the default says nothing.
#[derive(Default)]
pub struct TrainingHooks<'a> {
    /// Set by a signal, say: the step is finished and saved, and [`crate::TrainError::Interrupted`] returned.
    pub stop: Option<Arc<AtomicBool>>,
    /// Calls the forward pass it is given once, with libtorch's autocast to bf16 switched on.
    pub autocast: Option<fn(&mut dyn FnMut())>,
    /// The processes that train together with this one; whoever made the group ends it
    /// ([`Group::conclude`]).
    pub processes: Option<&'a Group>,
    /// What their batch normalisation does.
    pub batch_norm: BatchNormPolicy,
    /// Time since the session began, in place of the monotonic clock.
    pub elapsed: Option<Box<dyn Fn() -> Duration + 'a>>,
}

impl TrainingHooks<'_> {
    /// Whether to stop, and whether `budget_s` seconds are over since `began`: where one process says so, all do.
    pub(super) fn reasons_to_end(
        &self,
        began: Instant,
        budget_s: f64,
    ) -> Result<[bool; 2], TrainError> {
        let stop = self.stop.as_ref();
        let told = stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
        let spent = budget_s > 0.0 && self.elapsed(began).as_secs_f64() >= budget_s;
        match self.processes {
            Some(group) => Ok(group.any_of([told, spent])?),
            None => Ok([told, spent]),
        }
    }

    pub(super) fn process_count(&self) -> u32 {
        self.processes.map_or(1, Group::world_size)
    }

    /// Whether this process writes what the run leaves.
    pub(super) fn is_main(&self) -> bool {
        self.processes.is_none_or(Group::is_main)
    }

    fn elapsed(&self, began: Instant) -> Duration {
        self.elapsed
            .as_ref()
            .map_or_else(|| began.elapsed(), |elapsed| elapsed())
    }
}

impl fmt::Debug for TrainingHooks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrainingHooks")
            .field("stop", &self.stop)
            .field("autocast", &self.autocast.is_some())
            .field("processes", &self.process_count())
            .finish_non_exhaustive()
    }
}
