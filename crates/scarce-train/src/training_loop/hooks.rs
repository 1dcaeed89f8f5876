//! What the world outside a training has to say to it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tch::Tensor;

use crate::TaskError;

/// What the world outside a training has to say to it; the default says nothing.
#[derive(Default)]
pub struct TrainingHooks<'a> {
    /// Set by a signal, say: the step is finished and saved, and [`crate::TrainError::Interrupted`] returned.
    pub stop: Option<Arc<AtomicBool>>,
    /// Calls the forward pass it is given once, with libtorch's autocast to bf16 switched on.
    pub autocast: Option<fn(&mut dyn FnMut())>,
    /// The processes that train together with this one.
    pub processes: Option<&'a mut dyn GradientExchange>,
    /// Time since the session began, in place of the monotonic clock.
    pub elapsed: Option<Box<dyn Fn() -> Duration + 'a>>,
}

/// Gradients averaged over the processes of one training.
///
/// Errors stop the run, with nothing updated.
pub trait GradientExchange {
    /// How many processes there are.
    fn processes(&self) -> u32;

    /// Before the backward pass of a step's last batch, whose gradients are to be exchanged as they come.
    ///
    /// # Errors
    /// Whatever keeps the processes from each other.
    fn before_backward(&mut self, loss: &Tensor) -> Result<(), TaskError>;

    /// After it: the gradients of `parameters` are the averages of all processes'.
    ///
    /// # Errors
    /// Whatever keeps the processes from each other.
    fn after_backward(&mut self, parameters: &[(String, Tensor)]) -> Result<(), TaskError>;
}

impl TrainingHooks<'_> {
    pub(super) fn told_to_stop(&self) -> bool {
        self.stop
            .as_ref()
            .is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    pub(super) fn process_count(&self) -> u32 {
        self.processes.as_ref().map_or(1, |p| p.processes())
    }

    pub(super) fn elapsed(&self, began: Instant) -> Duration {
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
